import { stringify } from 'yaml'
import type { Folder } from '../support/process.ts'

/** Five plugins that keep a sandbox busy in five ways: heads, variables and caches, whole bodies, promises, forks. */
const scripts: Readonly<Record<string, string>> = {
  heads: `pipy()
    .pipeline()
    .handleMessageStart(request => { request.head.headers['x-seen'] = request.head.headers['x-key'] || 'none' })
    .chain()
    .handleMessageStart(response => { response.head.headers['x-mark'] = '1' })`,
  variables: `((counts = new algo.Cache(() => ({ all: 0 }), null, { size: 5 })) => pipy({ _key: '', _seen: [] })
    .pipeline()
    .onStart(() => void (_seen = []))
    .handleMessageStart(request => { _key = request.head.headers['x-key']; _seen.push(request.head) })
    .handleMessageEnd(() => { counts.get(_key).all++ })
    .chain()
    .handleMessageStart(response => { response.head.headers['x-path'] = _seen[0].path })
  )()`,
  bodies: `pipy()
    .pipeline()
    .replaceMessage(request => new Message(request.head, request.body.toString()))
    .chain()
    .replaceMessage(response => new Message(response.head, response.body.toString() + '!'))`,
  promises: `pipy({ _wait: null })
    .pipeline()
    .handleMessageStart(() => Promise.resolve().then(() => { _wait = 'over' }))
    .chain()
    .handleMessageStart(async response => {
      await null
      response.head.headers['x-wait'] = '1'
    })`,
  forks: `pipy({ _copies: 0 })
    .pipeline()
    .fork([1, 2]).to($ => $.handleMessage(copy => { _copies = copy.body.size }).dummy())
    .chain()`,
}

/** The config of a sidecar before `applicationPort`, with all five plugins in `inbound-http`; their scripts go into `folder`. */
export async function soakConfig(folder: Folder, applicationPort: number): Promise<string> {
  const plugins: object[] = []
  for (const [name, script] of Object.entries(scripts)) {
    const file = await folder.write(`${name}.js`, script)
    plugins.push({ name, file, chains: ['inbound-http'], priority: 150 - plugins.length })
  }
  const inbound = [{ name: 'echo', listen: '127.0.0.1:0', application: `127.0.0.1:${applicationPort}` }]
  return stringify({ workers: 1, inbound, plugins })
}

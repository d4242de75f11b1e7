import { createServer, type Socket } from 'node:net'
import { test } from 'tap'
import { failuresUntilReplaced } from '../../sandbox/plugin/health.ts'
import type { PluginStatus } from '../../sandbox/plugin/status.ts'
import { Application } from '../support/application.ts'
import { ask } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, newFolder, runSidecar, type SidecarProcess } from '../support/process.ts'
import { RawUpstream, rawClient } from '../support/raw.ts'

const configOf = ({ address }: Application, workers = 1): string => `
workers: ${workers}
inbound:
  - { name: app, listen: '127.0.0.1:0', application: '${address}' }
`

const startApplication = () =>
  Application.start('app', ({ headers, path, body }, response) => {
    response.end(`${headers['x-version'] ?? '-'} ${path} ${body}`)
  })

/** A manifest of two versions of one plugin, the newer with these annotations. */
const twoVersions = (annotations: Record<string, string>, newer: string): string => `
${pluginText('1', {}, `.handleMessageStart(msg => msg.head.headers['x-version'] = '1')`)}
---
${pluginText('2', annotations, newer)}
---
apiVersion: plugin.flomesh.io/v1alpha1
kind: PluginChain
metadata: { name: all }
spec: { chains: [{ name: inbound-http, plugins: [marker] }], selectors: {} }
`

const pluginText = (version: string, annotations: Record<string, string>, filters: string): string => {
  const all = { version, ...annotations }
  const lines = Object.entries(all).map(
    ([name, value]) => `    pillion.dev/${name}: ${JSON.stringify(value)}`,
  )
  return `apiVersion: plugin.flomesh.io/v1alpha1
kind: Plugin
metadata:
  name: marker
  annotations:
${lines.join('\n')}
spec:
  priority: 165
  pipyscript: |
    pipy({ _path: '' })
      .pipeline()
      ${filters}
      .chain()`
}

const plugins = async (sidecar: SidecarProcess) => (await sidecar.show('/plugins')) as readonly PluginStatus[]

test('a canary has the exchanges that its header or its share chooses, the others keep the version before', async (t) => {
  await using application = await startApplication()
  await using folder = await newFolder()
  const newer = `.handleMessageStart(msg => msg.head.headers['x-version'] = '2')`
  const canary = { 'canary-header': 'x-preview: yes', 'canary-percent': '30' }
  const manifest = await folder.write('plugins.yaml', twoVersions(canary, newer))
  await using sidecar = await runSidecar(configOf(application), { args: ['-f', manifest] })
  const port = first(sidecar.inbound)
  t.equal((await ask(port, '/', { headers: { 'x-preview': 'yes' } })).text, '2 / ')
  const seen: Record<string, number> = {}
  for (let index = 0; index < 300; index += 1) {
    const [version = ''] = (await ask(port)).text.split(' ')
    seen[version] = (seen[version] ?? 0) + 1
  }
  t.strictSame(Object.keys(seen).sort(), ['1', '2'])
  t.ok((seen[2] ?? 0) > 50 && (seen[2] ?? 0) < 130, `${seen[2]} of 300 got the new one`)
  t.match(await plugins(sidecar), [
    { version: '2', role: 'newest', canary: 'x-preview: yes or 30 %', calls: (seen[2] ?? 0) + 1 },
    { version: '1', role: 'previous', calls: seen[1] },
  ])
})

test('with onError: previous the version before takes over, and after failures in a row for good', async (t) => {
  await using application = await startApplication()
  await using folder = await newFolder()
  const newer = `.handleMessageStart(msg => {
        _path = msg.head.path
        msg.head.headers['x-version'] = '2'
        if (_path === '/bad') throw new Error('on purpose')
      })`
  const policy = { 'canary-percent': '100', 'on-error': 'previous' }
  const manifest = await folder.write('plugins.yaml', twoVersions(policy, newer))
  await using sidecar = await runSidecar(configOf(application), { args: ['-f', manifest] })
  const port = first(sidecar.inbound)
  const send = async (path: string) => (await ask(port, path, { method: 'POST', body: 'a body' })).text
  t.equal(await send('/good'), '2 /good a body')
  t.equal(await send('/bad'), '1 /bad a body')
  t.equal(await send('/good'), '2 /good a body')
  for (let index = 0; index < failuresUntilReplaced; index += 1) t.equal(await send('/bad'), '1 /bad a body')
  t.equal(await send('/good'), '1 /good a body')
  t.match(await plugins(sidecar), [
    { version: '2', state: 'replaced', errors: failuresUntilReplaced + 1 },
    {},
  ])
  t.ok(sidecar.program.log().some(({ message }) => /the version before takes over/.test(message)))
  await folder.write('plugins.yaml', twoVersions({ ...policy, 'pause-ms': '20000' }, newer))
  await sidecar.program.logged(/^generation 2 serves$/)
  t.equal(await send('/good'), '2 /good a body', 'a push begins anew')
})

test('a plugin on a TCP chain that fails at the first bytes is left out with onError: open', async (t) => {
  await using _left = assertNothingLeft(t)
  await using folder = await newFolder()
  await using upstream = await RawUpstream.listen((connection) => {
    connection.socket.on('data', (bytes: Buffer) => connection.send(bytes))
    connection.socket.on('end', () => connection.end())
  })
  const script = await folder.write(
    'peek.js',
    `// pillion: chain=inbound-tcp on-error=open
pipy()
  .pipeline()
  .handleData(data => { if (data.toString().startsWith('bad')) throw new Error('on purpose') })
  .chain()
`,
  )
  const config = `
inbound:
  - { name: raw, listen: '127.0.0.1:0', protocol: tcp, application: '127.0.0.1:${upstream.port}' }
`
  await using sidecar = await runSidecar(config, { args: ['-f', script] })
  for (const word of ['bad', 'good']) {
    await using client = await rawClient(first(sidecar.inbound))
    client.send(`${word} one `)
    await client.untilText('one ')
    client.send('two')
    client.end()
    t.equal(await client.untilEnded(), 'end')
    t.equal(client.text, `${word} one two`)
  }
  const scraped = await sidecar.scrape()
  const labels = { plugin: 'peek', chain: 'inbound-tcp' }
  t.equal(scraped.sum('pillion_plugin_exchanges_failed_total', { ...labels, outcome: 'open' }), 1)
  t.equal(scraped.sum('pillion_plugin_errors_total', { ...labels, kind: 'exception' }), 1)
})

test('a plugin rewrites a connection both ways', async (t) => {
  await using folder = await newFolder()
  await using upstream = await RawUpstream.listen((connection) => {
    connection.socket.on('data', (bytes: Buffer) => connection.send(`<${bytes}>`))
    connection.socket.on('end', () => connection.end())
  })
  const script = await folder.write(
    'rewrite.js',
    `// pillion: chain=inbound-tcp
export default {
  onData({ from, bytes }) {
    const text = String.fromCharCode(...bytes)
    return from === 'downstream' ? text.toUpperCase() : text.replaceAll('<', '[')
  },
}`,
  )
  const config = `
inbound:
  - { name: raw, listen: '127.0.0.1:0', protocol: tcp, application: '127.0.0.1:${upstream.port}' }
`
  await using sidecar = await runSidecar(config, { args: ['-f', script] })
  await using client = await rawClient(first(sidecar.inbound))
  client.send('hello')
  await client.untilText('[HELLO>')
  client.end()
  t.equal(await client.untilEnded(), 'end')
})

test('what plugins keep is one for all workers, and survives pushes', async (t) => {
  await using application = await startApplication()
  await using folder = await newFolder()
  const counter = (version: number) => `// pillion: chain=inbound-http grant-shared=true version=${version}
export default {
  async onRequest(request, cx) {
    for (;;) {
      const seen = await cx.kv.get('seen')
      if (await cx.kv.compareAndSet('seen', seen, (seen ?? 0) + 1)) return { body: String((seen ?? 0) + 1) }
    }
  },
}`
  const script = await folder.write('counter.js', counter(1))
  await using sidecar = await runSidecar(configOf(application, 2), { args: ['-f', script] })
  const port = first(sidecar.inbound)
  const count = async () => Number((await ask(port)).text)
  const seen = await Promise.all(Array.from({ length: 40 }, count))
  t.strictSame(
    seen.sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, index) => index + 1),
  )
  await folder.write('counter.js', counter(2))
  await sidecar.program.logged(/^generation 2 serves$/)
  t.equal(await count(), 41)
})

test('a call-out goes through the network of the plugin, as far as it is granted', async (t) => {
  await using application = await startApplication()
  await using auth = await Application.start('auth', ({ headers }, response) => {
    response.statusCode = headers.token === 'right' ? 200 : 403
    response.end()
  })
  await using folder = await newFolder()
  const script = await folder.write(
    'check.js',
    `// pillion: chain=inbound-http grant-connect=127.0.0.1:${auth.port}
export default {
  async onRequest(request, cx) {
    const { port, token } = Object.fromEntries(request.path.slice(2).split('&').map((pair) => pair.split('=')))
    const { status } = await cx.fetch('http://127.0.0.1:' + port + '/', { headers: { token } })
    if (status !== 200) return { status }
  },
}`,
  )
  await using sidecar = await runSidecar(configOf(application), { args: ['-f', script] })
  const port = first(sidecar.inbound)
  const status = async (query: string) => (await ask(port, `/?${query}`)).status
  t.equal(await status(`port=${auth.port}&token=right`), 200)
  t.equal(await status(`port=${auth.port}&token=wrong`), 403)
  t.equal(auth.connections, 1, 'the connection is kept')
  const forbidden = createServer((socket: Socket) => {
    socket.destroy()
    t.fail('it was reached')
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => forbidden.once('listening', resolve))
  const address = forbidden.address() as { port: number }
  t.equal(await status(`port=${address.port}&token=right`), 503)
  forbidden.close()
  const opened = (await sidecar.scrape()).sum('pillion_upstream_connections_total', {
    cluster: 'plugin check',
  })
  t.equal(opened, 1)
})

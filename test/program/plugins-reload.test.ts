import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { failuresUntilReplaced } from '../../sandbox/plugin/health.ts'
import { Application } from '../support/application.ts'
import { ask } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { type Folder, first, newFolder, runSidecar, type SidecarProcess } from '../support/process.ts'

/** Waits until something that must be asked for is so. */
async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`never came: ${what}`)
    await sleep(20)
  }
}

const config = (port: number) => `
sidecar: { name: shop, namespace: demo, labels: { app: shop } }
inbound:
  - { name: shop, listen: 127.0.0.1:0, application: 127.0.0.1:${port} }
`

const greeting = (word: string, more = '') => `
apiVersion: plugin.flomesh.io/v1alpha1
kind: Plugin
metadata: { name: greeting }
spec:
  priority: 165
${more}  pipyscript: |
    pipy()
      .pipeline()
      .chain()
      .handleMessageStart(response => void (response.head.headers['x-greeting'] = '${word}'))
---
apiVersion: plugin.flomesh.io/v1alpha1
kind: PluginChain
metadata: { name: greeting, namespace: demo }
spec:
  chains: [{ name: inbound-http, plugins: [greeting] }]
`

interface Running extends AsyncDisposable {
  readonly sidecar: SidecarProcess
  readonly plugins: Folder
  greetings(): Promise<unknown>
  serves(generation: number): Promise<unknown>
}

async function start(word: string): Promise<Running> {
  await using stack = new AsyncDisposableStack()
  const app = stack.use(await Application.start('shop'))
  const plugins = stack.use(await newFolder())
  await plugins.write('greeting.yaml', greeting(word))
  const sidecar = stack.use(await runSidecar(config(app.port), { args: ['-f', plugins.path] }))
  const owned = stack.move()
  return {
    sidecar,
    plugins,
    greetings: async () => (await ask(first(sidecar.inbound), '/')).headers['x-greeting'],
    serves: (generation) => sidecar.program.logged(new RegExp(`^generation ${generation} serves`)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

test('a manifest that changes brings its plugin into service, and a bad one changes nothing and says why', async (t) => {
  await using _left = assertNothingLeft(t)
  await using it = await start('hello')
  t.equal(await it.greetings(), 'hello')
  await it.plugins.write('greeting.yaml', greeting('good day'))
  await it.serves(2)
  t.equal(await it.greetings(), 'good day')
  await it.plugins.write('greeting.yaml', greeting('never', '  priorty: 1\n  policy: { onError: no }\n'))
  const refused = await it.sidecar.program.logged(/^config refused/)
  t.match(refused.reasons, [
    /greeting\.yaml:8:22: Plugin greeting: spec\.policy\.onError: is "no": expected close, open or previous$/,
  ])
  t.equal(await it.greetings(), 'good day')
  await it.plugins.write('greeting.yaml', greeting("no'script"))
  const unloaded = await it.sidecar.program.logged(/^config refused/, 1)
  t.match(unloaded.reasons, [/greeting\.yaml:11:\d+: .*greeting/])
  t.equal(await it.greetings(), 'good day')
  await it.plugins.write('greeting.yaml', greeting('well again'))
  await until(async () => (await it.greetings()) === 'well again', 'the mended one serves')
})

test('files that come and go in the folder are followed, and so are scripts and SIGHUP', async (t) => {
  await using _left = assertNothingLeft(t)
  await using it = await start('hello')
  const script = (path: string) => `// pillion: chain=inbound-http
import { reply } from './lib/reply.ts'
export default { onRequest(request: { path: string }) { if (request.path === '${path}') return reply } }
`
  const port = first(it.sidecar.inbound)
  const library = await newFolder()
  t.teardown(() => rm(library.path, { recursive: true, force: true }))
  await it.plugins.write(
    'answer.ts',
    script('/one').replace('./lib/reply.ts', join(library.path, 'reply.ts')),
  )
  await it.sidecar.program.logged(/^config refused/)
  await library.write('reply.ts', 'export const reply: { status: number } = { status: 418 }\n')
  it.sidecar.program.child.kill('SIGHUP')
  await until(async () => (await ask(port, '/one')).status === 418, 'the script answers')
  await library.write('reply.ts', 'export const reply: { status: number } = { status: 410 }\n')
  await until(async () => (await ask(port, '/one')).status === 410, 'what it imports is watched')
  await rm(join(it.plugins.path, 'answer.ts'))
  await until(async () => (await ask(port, '/one')).status === 200, 'it is gone with its file')
  t.equal(await it.greetings(), 'hello')
})

test('the config is shown with its plugins, but without their scripts', async (t) => {
  await using it = await start('a-secret-word')
  const dump = await it.sidecar.show('/config_dump')
  t.notMatch(JSON.stringify(dump), /a-secret-word/)
  t.match(dump, {
    model: {
      plugins: [
        {
          name: 'greeting',
          version: /^[0-9a-f]{12}$/,
          language: 'pipyjs',
          origin: /greeting\.yaml$/,
          priority: 165,
          policy: { onError: 'close' },
          source: { sha256: /^[0-9a-f]{64}$/, characters: 128 },
        },
      ],
    },
  })
})

test('a version for some has the one that served before it', async (t) => {
  await using _left = assertNothingLeft(t)
  await using it = await start('old')
  await it.plugins.write(
    'greeting.yaml',
    greeting('new', '  policy: { canary: { header: { name: x-preview, value: "yes" } } }\n'),
  )
  await it.serves(2)
  const port = first(it.sidecar.inbound)
  t.equal((await ask(port, '/', { headers: { 'x-preview': 'yes' } })).headers['x-greeting'], 'new')
  t.equal(await it.greetings(), 'old')
})

test('what failed is no version before: the one that ran well takes over, and the unchosen keep it', async (t) => {
  await using _left = assertNothingLeft(t)
  await using it = await start('good')
  const greetings = async () => {
    const seen: unknown[] = []
    for (let index = 0; index < failuresUntilReplaced + 3; index += 1) seen.push(await it.greetings())
    return [...new Set(seen)].sort()
  }
  const broken = (word: string) =>
    greeting(word, '  policy: { onError: previous }\n').replace(
      '.chain()',
      '.handleMessageStart(() => null.x).chain()',
    )
  await it.plugins.write('greeting.yaml', broken('bad'))
  await it.serves(2)
  t.strictSame(await greetings(), ['good'])
  await it.plugins.write('greeting.yaml', broken('bad again'))
  await it.serves(3)
  t.strictSame(await greetings(), ['good'], 'after a second bad one too')
  const canary = '  policy: { onError: previous, canary: { percent: 50 } }\n'
  await it.plugins.write('greeting.yaml', greeting('new', canary))
  await it.serves(4)
  const seen = new Set<unknown>()
  for (let index = 0; index < 40; index += 1) seen.add(await it.greetings())
  t.strictSame([...seen].sort(), ['good', 'new'])
})

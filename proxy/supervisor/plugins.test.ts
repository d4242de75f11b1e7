import { test } from 'tap'
import type { Log } from '../../chains/context.ts'
import type { Model } from '../../chains/model.ts'
import type { PluginPolicy, PluginSpec } from '../../chains/plugins.ts'
import { sumOfStatuses } from '../../sandbox/plugin/status.ts'
import { testSpec } from '../../sandbox/plugin/testing/kit.ts'
import { Application } from '../../test/support/application.ts'
import { modelOf } from '../../test/support/model.ts'
import { assertNothingLeft, eventually } from '../../test/support/nothing-left.ts'
import { MetricTotals } from '../telemetry/totals.ts'
import { Supervisor } from './supervisor.ts'

interface Running extends AsyncDisposable {
  readonly supervisor: Supervisor
  readonly lines: string[]
  /** Brings these plugins into service, in front of the application. */
  apply(generation: number, plugins: readonly PluginSpec[]): Promise<readonly string[]>
  get(
    path?: string,
  ): Promise<{ readonly status: number; readonly mark: string | null; readonly text: string }>
}

async function start(workers = 1, silenceLimitMs = 20_000): Promise<Running> {
  const application = await Application.start('app', ({ headers, path }, response) => {
    response.end(`${headers['x-mark'] ?? '-'} ${path}`)
  })
  const lines: string[] = []
  const take = (message: string): void => void lines.push(message)
  const log: Log = { debug: () => {}, info: take, warn: take, error: take }
  const respawn = { firstMs: 10, maxMs: 50, calmMs: 60_000 }
  const supervisor = new Supervisor({ workers, logLevel: 'error', log, respawn, silenceLimitMs })
  await supervisor.start()
  const plain = modelOf({ upstreams: [application.port] })
  return {
    supervisor,
    lines,
    async apply(generation, plugins) {
      const steps = plugins.map(({ name, priority }) => ({ name: `plugins/${name}.js`, priority }))
      const chains = { ...plain.chains, 'inbound-http': [...plain.chains['inbound-http'], ...steps] }
      const model: Model = { ...plain, plugins, chains }
      const { warnings, faulty } = await supervisor.apply(generation, model)
      return [...warnings, ...faulty.map(({ message }) => message)]
    },
    async get(path = '/') {
      const url = `http://127.0.0.1:${supervisor.serving?.listeners[0]?.port}${path}`
      const response = await fetch(url, { headers: { connection: 'close' } })
      return { status: response.status, mark: response.headers.get('x-mark'), text: await response.text() }
    },
    async [Symbol.asyncDispose]() {
      await supervisor.close()
      await application[Symbol.asyncDispose]()
    },
  }
}

const plugin = (
  name: string,
  source: string,
  policy: Partial<PluginPolicy> = {},
  version = '1',
): PluginSpec => testSpec(name, policy, { source, version })

const marks = (text: string): string => `export default {
  onRequest(request) { request.headers.set('x-mark', '${text}') },
  onResponse(response) { response.headers.set('x-mark', '${text}') },
}`
const broken = 'export default {\n  onRequest() { {\n}'

test('plugins run in every worker, and are shown with what they have done', async (t) => {
  await using _left = assertNothingLeft(t)
  await using running = await start(2)
  t.strictSame(await running.apply(1, [plugin('mark', marks('one'))]), [])
  for (let index = 0; index < 20; index += 1) {
    t.strictSame(await running.get('/x'), { status: 200, mark: 'one', text: 'one /x' })
  }
  const { supervisor } = running
  t.match(supervisor.serving?.chains['inbound-http'], [
    {},
    { name: 'plugins/mark.js', priority: 115, version: '1', mode: 'enforce' },
    { version: null, mode: 'enforce' },
  ])
  const answers = await supervisor.askAll('plugins', null, 1_000)
  t.equal(answers.length, 2)
  const [status] = sumOfStatuses(answers.flatMap(({ answer }) => answer))
  t.match(status, { name: 'mark', state: 'running', calls: 40, errors: 0, exchanges: 0, fault: null })
  t.ok((status?.heapBytes ?? 0) > 100_000)
  const totals = new MetricTotals({ version: '0' })
  for (const { worker, answer } of await supervisor.askAll('metrics', null, 1_000))
    totals.update(worker, answer)
  const { text } = await totals.exposition()
  t.match(text, 'pillion_plugin_calls_total{plugin="mark",version="1",chain="inbound-http"} 40\n')
  t.match(
    text,
    /pillion_plugin_call_duration_seconds_bucket\{plugin="mark",version="1",chain="inbound-http",le="0.000001"\} \d/,
  )
  t.match(text, `pillion_plugin_heap_bytes{plugin="mark",version="1"} ${status?.heapBytes}\n`)
})

test('a faulty plugin does not keep the sidecar from starting: a stand-in acts by onError', async (t) => {
  await using running = await start()
  const warnings = await running.apply(1, [plugin('shut', broken), plugin('mark', marks('one'))])
  t.match(warnings, [/^shut.js:\d+:\d+: plugin shut: .*; its exchanges end by onError: close$/])
  const { status, text } = await running.get()
  t.strictSame([status, text], [503, 'PLUGIN_THREW\n'])
  t.match(await running.supervisor.askAll('plugins', null, 1_000), [
    {
      answer: [
        { name: 'shut', state: 'failed', fault: /^shut.js:\d/ },
        { name: 'mark', state: 'running' },
      ],
    },
  ])
  await running.apply(2, [plugin('shut', broken, { onError: 'open' }), plugin('mark', marks('two'))])
  t.equal((await running.get()).text, 'two /', 'the fault that was there already is no reason to refuse')
})

test('a faulty plugin in a later config refuses it, and nothing changes', async (t) => {
  await using running = await start(2)
  await running.apply(1, [plugin('mark', marks('one'))])
  await t.rejects(running.apply(2, [plugin('mark', broken, {}, '2')]), {
    message: /^mark.js:\d+:\d+: plugin mark: /,
  })
  for (let index = 0; index < 8; index += 1) t.equal((await running.get()).text, 'one /')
  await running.apply(3, [plugin('mark', marks('three'), {}, '3')])
  for (let index = 0; index < 8; index += 1) t.equal((await running.get()).text, 'three /')
  await running.apply(4, [])
  t.equal((await running.get()).text, '- /')
})

test('a plugin that was well must not become faulty by an edit, though another was faulty at the start', async (t) => {
  await using running = await start()
  await running.apply(1, [plugin('shut', broken, { onError: 'open' }), plugin('mark', marks('one'))])
  await t.rejects(running.apply(2, [plugin('shut', broken, {}, '2')]), { message: /plugin shut/ })
  await t.rejects(running.apply(2, [plugin('mark', broken)]), { message: /plugin mark/ })
  t.equal((await running.get()).text, 'one /')
})

test('a script that loops while it is loaded is refused, and holds up no request meanwhile', async (t) => {
  await using _left = assertNothingLeft(t)
  await using running = await start()
  await running.apply(1, [plugin('mark', marks('one'))])
  const loops = { language: 'javascript', source: 'for (;;);\nexport default {}', version: '2' } as const
  const refused = running.apply(2, [testSpec('mark', {}, loops)]).then(
    () => 'served',
    (thrown: Error) => thrown.message,
  )
  let [slowestMs, isOver] = [0, false]
  void refused.then(() => {
    isOver = true
  })
  while (!isOver) {
    const began = performance.now()
    t.equal((await running.get()).text, 'one /')
    slowestMs = Math.max(slowestMs, performance.now() - began)
  }
  t.match(await refused, /^mark\.js.*: plugin mark: ran for more than 2000 ms/)
  t.ok(slowestMs < 1_000, `the slowest request took ${Math.round(slowestMs)} ms`)
  await running.apply(3, [plugin('mark', marks('three'), {}, '3')])
  t.equal((await running.get()).text, 'three /')
})

test('a worker that is replaced runs the plugins again, and finds what they kept', async (t) => {
  await using running = await start(1, 1_000)
  const grants = { connect: [], env: [], shared: true, config: false }
  // so long that the worker counts as stuck before the call is stopped
  const limits = { callMs: 60_000, memoryMiB: 32, bufferKiB: 1_024, pauseMs: 30_000 }
  const counter = `export default {
    async onRequest(request, cx) {
      const seen = Number(await cx.kv.get('seen') ?? 0) + 1
      await cx.kv.set('seen', String(seen))
      while (request.path === '/loop');
      return { body: String(seen) }
    },
  }`
  await running.apply(1, [plugin('counter', counter, { grants, limits })])
  t.equal((await running.get()).text, '1')
  t.equal((await running.get()).text, '2')
  await t.rejects(running.get('/loop'))
  await eventually(() => running.supervisor.servingWorkers === 1, 'the worker is replaced', 10_000)
  t.equal((await running.get()).text, '4')
  await running.apply(2, [])
  await running.apply(3, [plugin('counter', counter, { grants, limits })])
  t.equal((await running.get()).text, '1', 'what belonged to a plugin that was taken out is forgotten')
})

test('a plugin that never ends is stopped, and only its exchange fails', async (t) => {
  await using running = await start()
  const loops = `export default { onRequest(request) { if (request.path === '/loop') for (;;); } }`
  await running.apply(1, [plugin('loops', loops), plugin('mark', marks('one'))])
  const [looping, other] = await Promise.all([running.get('/loop'), running.get('/other')])
  t.strictSame([looping.status, looping.text], [503, 'PLUGIN_OVER_LIMIT\n'])
  t.strictSame([other.status, other.text], [200, 'one /other'])
  t.equal((await running.get()).text, 'one /')
  t.match(await running.supervisor.askAll('plugins', null, 1_000), [
    {
      answer: [
        { name: 'loops', errors: 1, fault: /loops/ },
        { name: 'mark', errors: 0 },
      ],
    },
  ])
})

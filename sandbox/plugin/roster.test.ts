import { test } from 'tap'
import { buildChains } from '../../chains/assemble.ts'
import { HeaderList } from '../../chains/headers.ts'
import type { StepConfig } from '../../chains/model.ts'
import type { PluginPolicy, PluginSpec } from '../../chains/plugins.ts'
import { testContext, testRequest } from '../../chains/policy/testing.ts'
import { SharedState } from '../../chains/shared-state.ts'
import { PluginError, type PluginHost } from './contract.ts'
import type { PluginRoster } from './roster.ts'
import { sumOfStatuses } from './status.ts'
import { testSpec } from './testing/kit.ts'
import { rosterOf } from './testing/roster-of.ts'

const plugin = (name: string, source: string, parts: Partial<PluginSpec> = {}) =>
  testSpec(name, {}, { source, ...parts })
const at = (name: string, priority: number): StepConfig => ({ name, priority })
const routed = [at('modules/inbound-http-routing.js', 170), at('modules/inbound-http-load-balancing.js', 110)]

/** Sends a request through the inbound chain; what the upstream saw as marks. */
async function marksOf({ model, tools }: ReturnType<typeof rosterOf>, roster: PluginRoster): Promise<string> {
  const { http } = buildChains(model, { inbound: tools, outbound: tools }, roster.mounts)
  const port = model.inbound.ports[0] ?? null
  await http.inbound.run(testRequest({ headers: new HeaderList(['Host', 'a']) }), testContext({ port }))
  return tools.sent.at(-1)?.request.headers.getAll('x-mark').join() ?? ''
}

test('a plugin on several chains is loaded once, and shown on each with version and mode', async (t) => {
  const made = rosterOf([plugin('a', 'mark a'), plugin('b', 'mark b')], {
    'inbound-http': [...routed, at('plugins/a.js', 165), at('plugins/b.js', 115)],
    'outbound-http': [at('plugins/a.js', 115)],
    'inbound-tcp': [at('plugins/a.js', 1)],
  })
  const roster = await made.loaded
  t.strictSame(made.journal.loads, ['a 1', 'b 1'])
  t.equal(await marksOf(made, roster), 'a,b')
  const { http, warnings } = buildChains(
    made.model,
    { inbound: made.tools, outbound: made.tools },
    roster.mounts,
  )
  const steps = http.inbound.steps.map(({ name, plugin: mounted }) => [name, mounted?.version, mounted?.mode])
  t.strictSame(steps.slice(1, 3), [
    ['plugins/a.js', '1', 'enforce'],
    ['plugins/b.js', '1', 'enforce'],
  ])
  t.strictSame(warnings, ['chain inbound-tcp: plugins/a.js has nothing to do there, and is left out'])
  t.strictSame(roster.status()[0]?.chains, ['inbound-tcp', 'inbound-http', 'outbound-http'])
})

test('a plugin called like a built-in module takes its place, and may go on to it', async (t) => {
  const name = 'inbound-http-load-balancing'
  const [routing] = routed as [StepConfig]
  const inItsPlace = { 'inbound-http': [routing, at(`plugins/${name}.js`, 110)] }
  const sentBy = async (spec: PluginSpec) => {
    const made = rosterOf([spec], inItsPlace)
    return marksOf(made, await made.loaded).catch(() => 'nothing')
  }
  t.equal(await sentBy(plugin(name, 'mark mine')), 'nothing', 'nobody else balances')
  t.equal(await sentBy(plugin(name, `use modules/${name}.js`)), '')
  t.equal(
    await sentBy(testSpec(name, { mode: 'shadow' }, { source: 'mark mine' })),
    '',
    'a shadow leaves it there',
  )
  const both = rosterOf([plugin(name, 'mark mine')], {
    'inbound-http': [...routed, at(`plugins/${name}.js`, 111)],
  })
  t.equal(await marksOf(both, await both.loaded), 'mine', 'a chain may name both')
})

test('built-in modules and other plugins are found by file, with their policies', async (t) => {
  const made = rosterOf(
    [plugin('first', 'use plugins/second.js'), plugin('second', 'mark second'), plugin('off', 'mark no')],
    { 'inbound-http': [...routed, at('plugins/first.js', 115)] },
  )
  const roster = await made.loaded
  t.equal(await marksOf(made, roster), 'second')
  const host = made.journal.hosts.get('second') as PluginHost
  t.equal(host.httpModule('plugins/third.js'), null)
  t.equal(host.httpModule('modules/nothing.js'), null)
  t.equal(host.httpModule('modules/inbound-tcp-default.js'), null)
  t.ok(host.tcpModule('modules/inbound-tcp-default.js'))
  t.ok(host.httpModule('modules/outbound-http-default.js'))
  t.equal(host.httpModule('config.js'), null)
  t.throws(
    () => host.httpModule('plugins/first.js'),
    /plugins\/second.js and plugins\/first.js name each other/,
  )
  t.throws(() => host.httpModule('plugins/second.js'), /in a circle/)
})

test('a plugin that cannot be loaded is refused with its place, all of them in one line', async (t) => {
  const plugins = [
    plugin('a', 'fault'),
    plugin('b', 'mark b'),
    plugin('c', 'bug'),
    plugin('d', 'x', { language: 'pipyjs' }),
  ]
  const made = rosterOf(plugins, {})
  await t.rejects(made.loaded, {
    message:
      'a.js:3:7: plugin a: foo is not defined; c.js: plugin c: a bug of ours; d.js: plugin d: nothing here runs pipyjs',
  })
  const lent = plugins.flatMap(({ name }) => [`network ${name}`, `metrics ${name}`])
  t.strictSame(made.journal.disposed, ['b 1', ...lent])
})

test('where it may be stood in for, a stand-in acts by onError and the fault is shown', async (t) => {
  const open = testSpec('a', { onError: 'open' }, { source: 'fault' })
  const shut = testSpec('b', {}, { source: 'fault' })
  const made = rosterOf(
    [open, shut],
    { 'inbound-http': [...routed, at('plugins/a.js', 115)] },
    { mayStandIn: () => true },
  )
  const roster = await made.loaded
  t.equal(await marksOf(made, roster), '')
  t.match(roster.status(), [
    { name: 'a', state: 'failed', fault: 'a.js:3:7: plugin a: foo is not defined', heapBytes: 0 },
    { name: 'b', state: 'failed' },
  ])
  const messages = [
    'a.js:3:7: plugin a: foo is not defined; its exchanges end by onError: open',
    'b.js:3:7: plugin b: foo is not defined; its exchanges end by onError: close',
  ] as const
  t.strictSame(roster.faulty, [
    { name: 'a', version: '1', message: messages[0] },
    { name: 'b', version: '1', message: messages[1] },
  ])
  t.strictSame(roster.warnings, [])
  const outcome =
    'pillion_plugin_exchanges_failed_total{plugin="a",version="1",chain="inbound-http",outcome="open"}'
  t.equal(made.tools.recorded.get(outcome), 1)
  t.match(roster.status(), [{ errors: 1 }, { errors: 0 }])
})

test('a plugin that could not be compiled is one that cannot be loaded', async (t) => {
  const faults = [
    { file: 'lib.ts', line: 2, column: 9, message: 'Unexpected ";"' },
    { file: 'lib.ts', line: 3, column: 1, message: 'Unexpected "}"' },
  ]
  const whole = [{ file: 'b.ts', line: 0, column: 0, message: 'took too long' }]
  const made = rosterOf([plugin('a', 'mark a', { faults }), plugin('b', 'mark b', { faults: whole })], {})
  await t.rejects(made.loaded, {
    message: 'lib.ts:2:9: plugin a: Unexpected ";"; b.js: plugin b: took too long',
  })
})

test('a canary without a version before is warned of, because others run without the plugin', async (t) => {
  const warningsOf = async (policy: Partial<PluginPolicy>, previous: PluginSpec | null = null) =>
    (await rosterOf([testSpec('p', policy, { source: 'mark p', previous })], {}).loaded).warnings
  const canary = { percent: 10, header: null }
  t.strictSame(await warningsOf({ canary }), [
    'p.js: plugin p: is a canary (1) without a version before it: exchanges that are not chosen run without the plugin',
  ])
  t.strictSame(await warningsOf({ canary }, plugin('p', 'mark p', { version: '0' })), [])
  t.strictSame(await warningsOf({ canary, mode: 'shadow' }), [])
  t.strictSame(await warningsOf({ canary: { percent: 100, header: null } }), [])
})

test('the version before is loaded only when the policy needs it, and its fault is no reason to refuse', async (t) => {
  const before = plugin('p', 'fault', { version: '0' })
  const loadsOf = async (policy: Parameters<typeof testSpec>[1]) => {
    const made = rosterOf([testSpec('p', policy, { source: 'mark p', previous: before })], {})
    const { warnings } = await made.loaded
    return [made.journal.loads.join(), warnings.length]
  }
  t.strictSame(await loadsOf({}), ['p 1', 0])
  t.strictSame(await loadsOf({ onError: 'previous' }), ['p 1,p 0', 1])
  t.strictSame(await loadsOf({ canary: { percent: 1, header: null } }), ['p 1,p 0', 1])
  t.strictSame(await loadsOf({ mode: 'off' }), ['', 0])
})

test('what a version has counted is kept over pushes, and its heap is given back', async (t) => {
  const state = new SharedState()
  const chains = { 'inbound-http': [...routed, at('plugins/a.js', 115)] }
  const first = rosterOf([plugin('a', 'mark a')], chains, {}, state)
  const before = await first.loaded
  await marksOf(first, before)
  before.measure()
  const heap = 'pillion_plugin_heap_bytes{plugin="a",version="1"}'
  t.equal(first.tools.recorded.get(heap), 5_000)
  const second = rosterOf([plugin('a', 'mark a')], chains, {}, state)
  const after = await second.loaded
  await marksOf(second, after)
  const [status] = after.status()
  t.match(status, { calls: 2, errors: 0, restarts: 0, heapBytes: 5_000, exchanges: 2, state: 'running' })
  before[Symbol.dispose]()
  t.equal(first.tools.recorded.get(heap), 0)
  t.strictSame(first.journal.disposed, ['a 1', 'network a', 'metrics a'])
  const labels = 'plugin="a",version="1",chain="inbound-http"'
  t.equal(first.tools.recorded.get(`pillion_plugin_calls_total{${labels}}`), 1)
  t.strictSame(first.tools.recorded.get(`pillion_plugin_call_duration_seconds{${labels}}`), [0.00025])
})

test('only a plugin that is granted shared state has a map', async (t) => {
  const grants = { connect: [], env: [], shared: true, config: false }
  const made = rosterOf([testSpec('a', { grants }, { source: 'idle' }), plugin('b', 'idle')], {})
  await made.loaded
  t.equal(made.journal.hosts.get('b')?.kv, null)
  await made.journal.hosts.get('a')?.kv?.set('k', 'v', 0)
  t.equal(await made.journal.hosts.get('a')?.kv?.get('k'), 'v')
})

test('statuses of several workers are added up, the worst state and its fault first', async (t) => {
  const made = rosterOf([plugin('a', 'mark a')], {})
  const [one] = (await made.loaded).status()
  if (!one) throw new Error('no status')
  const sum = sumOfStatuses([
    one,
    { ...one, state: 'held back', fault: 'it died', restarts: 9 },
    { ...one, version: '2' },
  ])
  t.match(sum, [
    { version: '1', state: 'held back', fault: 'it died', restarts: 9, heapBytes: 10_000, exchanges: 4 },
    { version: '2', state: 'running', fault: null },
  ])
})

test('a failure is counted under the chain of its exchange, and kept as the last fault', async (t) => {
  const spec = plugin('a', 'mark a')
  const made = rosterOf([spec], {
    'inbound-http': [at('plugins/a.js', 1)],
    'outbound-http': [at('plugins/a.js', 1)],
  })
  const roster = await made.loaded
  const { meter } = made.journal.hosts.get('a') as PluginHost
  const error = new PluginError(spec, 'timeout', null, 'ran for more than 50 ms')
  meter.failed('timeout', error, testContext({}, { direction: 'outbound' }))
  meter.failed('timeout', error)
  const count = (chain: string) =>
    made.tools.recorded.get(
      `pillion_plugin_errors_total{plugin="a",version="1",chain="${chain}",kind="timeout"}`,
    )
  t.equal(count('outbound-http'), 1)
  t.equal(count('inbound-http+outbound-http'), 1)
  t.match(roster.status(), [{ errors: 2, fault: 'plugin a (1): ran for more than 50 ms' }])
})

import { type Test, test } from 'tap'
import type { ScriptMetrics } from '../../plugin/script-metrics.ts'
import { SharedStateHome } from './home.ts'
import { prometheusName, WasmMetrics } from './metrics.ts'
import { WorkerSharedState } from './worker-state.ts'

const counter = 0
const gauge = 1
const histogram = 2

/** The numbers of one worker, by name, as the registry of the proxy would keep them. */
function exposition() {
  const values = new Map<string, number>()
  const kinds = new Map<string, string>()
  const metrics: ScriptMetrics = {
    metric: (kind, name) => {
      if (name === 'pillion_own') throw new RangeError('one of the proxy’s own')
      if (kinds.has(name) && kinds.get(name) !== kind) throw new RangeError('another already')
      kinds.set(name, kind)
      const add = (_labels: readonly string[], amount: number) => {
        values.set(name, (values.get(name) ?? 0) + amount)
      }
      return { add, set: (_labels, value) => values.set(name, value), observe: add }
    },
  }
  return { metrics, values }
}

function setUp(t: Test) {
  const home = new SharedStateHome()
  t.teardown(() => home[Symbol.dispose]())
  const worker = () => {
    const state = new WorkerSharedState(home.seat())
    const { metrics, values } = exposition()
    const port = new WasmMetrics('plugin', metrics, state)
    t.teardown(() => {
      port[Symbol.dispose]()
      state[Symbol.dispose]()
    })
    return { port, values, state }
  }
  return { worker }
}

test('counters, gauges and histograms take what they should, and nothing else', async (t) => {
  const { port, values } = setUp(t).worker()
  const requests = port.define(counter, 'requests') as number
  t.equal(port.define(counter, 'requests'), requests)
  t.equal(port.define(gauge, 'requests'), null)
  t.equal(port.define(3, 'other'), null)
  t.strictSame(
    [1n, 5n, 0n, -1n].map((offset) => port.increment(requests, offset)),
    [0, 0, 2, 2],
  )
  t.equal(port.record(requests, 4n), 0)
  t.strictSame(port.get(requests), { value: 10n })
  const level = port.define(gauge, 'level') as number
  t.equal(port.increment(level, -3n), 0)
  t.strictSame(port.get(level), { value: 2n ** 64n - 3n })
  t.equal(port.record(level, 8n), 0)
  t.equal(port.increment(level, -3n), 0)
  t.strictSame(port.get(level), { value: 5n })
  const times = port.define(histogram, 'times') as number
  t.equal(port.record(times, 12n), 0)
  t.equal(port.increment(times, 1n), 2)
  t.equal(port.get(times), 2)
  for (const unknown of [-1, 3, 99]) {
    t.strictSame([port.increment(unknown, 1n), port.record(unknown, 1n), port.get(unknown)], [1, 1, 1])
  }
  t.strictSame(
    [...values],
    [
      ['requests', 10],
      ['level', 5],
      ['times', 12],
    ],
  )
})

test('a guest reads one number of all workers, of which each exposes its share', async (t) => {
  const { worker } = setUp(t)
  const [one, other] = [worker(), worker()]
  const define = (type: number, name: string) =>
    [one.port.define(type, name), other.port.define(type, name)] as [number, number]
  const [countOne, countOther] = define(counter, 'count')
  one.port.increment(countOne, 2n)
  other.port.increment(countOther, 3n)
  t.strictSame(one.port.get(countOne), { value: 5n })
  t.strictSame([one.values.get('count'), other.values.get('count')], [2, 3])
  const [levelOne, levelOther] = define(gauge, 'level')
  one.port.record(levelOne, 7n)
  other.port.record(levelOther, 4n)
  t.strictSame(one.port.get(levelOne), { value: 4n })
  t.equal((one.values.get('level') as number) + (other.values.get('level') as number), 4)
})

test('names become what Prometheus takes', async (t) => {
  t.equal(prometheusName('http.requests-total{a}'), 'http_requests_total_a_')
  t.equal(prometheusName('2xx'), '_2xx')
  t.equal(prometheusName(''), '_')
  const [long, longer] = [prometheusName(`${'n'.repeat(200)}1`), prometheusName(`${'n'.repeat(200)}2`)]
  t.match(long, /^n{111}_[0-9a-f]{8}$/)
  t.not(long, longer)
  const { port, values } = setUp(t).worker()
  port.increment(port.define(counter, 'pillion.own') as number, 1n)
  t.equal(values.get('wasm_pillion_own'), 1)
})

test('metrics of one guest are bounded', async (t) => {
  const { port } = setUp(t).worker()
  const ids = Array.from({ length: 1_100 }, (_, index) => port.define(gauge, `a${'.-:'[index % 3]}${index}`))
  t.equal(ids.filter((id) => id !== null).length, 1_000)
  t.equal(port.define(gauge, 'a.0'), 0)
})

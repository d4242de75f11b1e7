import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { EngineError, type ScriptEngine } from './contract.ts'
import { createEngine } from './engine.ts'
import { engineCode } from './testing/code.ts'
import { testOptions } from './testing/guests.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const calls = 100_000

/** What every kind of call does, as often as it takes for a leak to show. */
function work(engine: ScriptEngine, times: number): void {
  const [echo, sum, run, ask] = ['echo', 'sum', 'run', 'ask'].map((name) => engine.entry(name))
  if (!echo || !sum || !run || !ask) throw new Error('the guest lacks an entry')
  const bytes = new Uint8Array(300)
  const texts = ['GET', 'Ā wide one', 'é'.repeat(200)]
  for (let index = 0; index < times; index += 1) {
    engine.callNumbers(sum, index, 0.5, 2)
    engine.call(echo, [texts[index % 3] ?? ''])
    engine.call(ask, [bytes, index])
    if (index % 100 === 0) failEveryWay(engine, run, echo)
  }
}

function failEveryWay(engine: ScriptEngine, run: ReturnType<ScriptEngine['entry']>, echo: typeof run): void {
  for (const source of [
    'null.x',
    'refuse()',
    '({})',
    'throw { a: 1 }',
    '+',
    'Promise.resolve({}).then(() => {})',
  ])
    attempt(() => engine.call(run, [source]))
  attempt(() => engine.evaluate('(', 'bad.js', null))
  engine.evaluate('({ a: [1, 2, 3] })', 'good.js', echo)
}

function attempt(call: () => unknown): void {
  try {
    call()
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'exception') throw error
  }
}

test(`${calls} rounds of calls leave nothing behind, in the guest or outside`, {
  timeout: 120_000,
}, async (t) => {
  using engine = createEngine(
    engineCode,
    testOptions({}, { ask: (call) => call.bytes(0).length + call.number(1) }),
  )
  work(engine, 2_000)
  const before = { blocks: engine.blockCount, memory: engine.memoryBytes, heap: heapBytes() }
  work(engine, calls)
  t.ok(Math.abs(engine.blockCount - before.blocks) < 50, `${before.blocks} blocks, then ${engine.blockCount}`)
  t.equal(engine.memoryBytes, before.memory)
  const grown = heapBytes() - before.heap
  t.ok(grown < 2 ** 20, `the host's heap grew by ${grown} bytes`)
})

test('cycles that hold what the host handed in are collected in time', async (t) => {
  using engine = createEngine(engineCode, testOptions({ callMs: 1_000 }))
  engine.evaluate('function hold(data) { const o = { data }; o.self = o }', 'hold.js', null)
  const bytes = new Uint8Array(1_000_000)
  engine.call(engine.entry('run'), ['globalThis.count = 0; 0'])
  for (let index = 0; index < 300; index += 1) {
    engine.call(engine.entry('keep'), [bytes])
    engine.call(engine.entry('run'), ['hold(kept); kept = null; ++count'])
  }
  t.equal(engine.call(engine.entry('run'), ['count']), 300)
})

test('cycles that hold what the guest made are collected in time', async (t) => {
  using engine = createEngine(engineCode, testOptions({ callMs: 2_000 }))
  const source = 'for (let i = 0; i < 2000; i++) { const o = { b: new ArrayBuffer(3e5) }; o.o = o } 1'
  t.equal(engine.call(engine.entry('run'), [source]), 1)
})

test('instances that are let go of are gone', async (t) => {
  const make = () => createEngine(engineCode, testOptions({ callMs: 5 }))
  const rounds = (count: number) => {
    for (let index = 0; index < count; index += 1) {
      using engine = make()
      attemptTimeout(engine)
    }
  }
  rounds(20)
  const before = process.memoryUsage().rss
  rounds(300)
  const grown = process.memoryUsage().rss - before
  t.ok(grown < 150 * 2 ** 20, `300 instances left ${grown} bytes`)
})

function attemptTimeout(engine: ScriptEngine): void {
  try {
    engine.call(engine.entry('run'), ['new Array(2e8) + ""'])
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== 'timeout') throw error
  }
}

/** Of the host, after collecting. */
function heapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

import type { EngineCode, GuestValue, ScriptEngine } from '../contract.ts'
import { createEngine } from '../engine.ts'
import { loadEngineCode } from '../engine-code.ts'
import { testOptions } from './guests.ts'

/** What something costs: a line of the README's table. */
export interface Cost {
  readonly what: string
  readonly figure: string
}

const options = testOptions({ callMs: 1_000 }, { ask: (call) => call.string(0) })
const calls = 20_000
const rounds = 15

/** Measures what the engine costs; some seconds, on a quiet machine. */
export async function measureCosts(): Promise<Cost[]> {
  const startedAt = performance.now()
  const code = await loadEngineCode()
  const loadMs = performance.now() - startedAt
  const perInstance = memoryOf(code)
  using engine = createEngine(code, options)
  const text = 'x'.repeat(400)
  const call = (name: string, ...args: GuestValue[]) => {
    const entry = engine.entry(name)
    return microseconds(() => engine.call(entry, args))
  }
  return [
    { what: 'numbers in, a number out (`callNumbers`)', figure: microseconds(sum(engine)) },
    { what: 'an empty call', figure: call('nothing') },
    { what: 'a text of 400 bytes in', figure: call('nothing', text) },
    { what: 'the same in and out', figure: call('echo', text) },
    { what: '132 Chinese characters in and out', figure: call('echo', '中'.repeat(132)) },
    { what: '64 KiB of bytes in', figure: call('nothing', new Uint8Array(65_536)) },
    { what: 'the same in and out', figure: call('echo', new Uint8Array(65_536)) },
    { what: 'a host function, 400 bytes each way', figure: call('askOne', text) },
    { what: 'a host function called 1,000 times, each', figure: hostCalls(engine) },
    { what: 'an instance made and booted', figure: `${creation(code).toFixed(1)} ms` },
    { what: 'resident memory of one instance', figure: `${perInstance.toFixed(2)} MiB` },
    { what: 'the code read, metered and compiled, once', figure: `${loadMs.toFixed(0)} ms` },
  ]
}

function sum(engine: ScriptEngine): () => void {
  const entry = engine.entry('sum')
  return () => engine.callNumbers(entry, 1, 2, 3)
}

function hostCalls(engine: ScriptEngine): string {
  const run = engine.entry('run')
  engine.call(run, ['globalThis.many = () => { for (let i = 0; i < 1000; i++) add(i, 1) }; 0'])
  const each = Array.from({ length: rounds }, () => {
    const startedAt = performance.now()
    engine.call(run, ['many()'])
    return performance.now() - startedAt
  })
  return `${Math.min(...each).toFixed(2)} µs`
}

/** The best of some rounds, since everything else only adds. */
function microseconds(call: () => void): string {
  const each = Array.from({ length: rounds }, () => {
    const startedAt = performance.now()
    for (let index = 0; index < calls; index += 1) call()
    return ((performance.now() - startedAt) * 1_000) / calls
  })
  return `${Math.min(...each).toFixed(2)} µs`
}

function creation(code: EngineCode): number {
  const each = Array.from({ length: 50 }, () => {
    const startedAt = performance.now()
    createEngine(code, options)[Symbol.dispose]()
    return performance.now() - startedAt
  })
  return each.sort((a, b) => a - b)[25] ?? 0
}

/** MiB of memory that each of 50 instances adds to the process. */
function memoryOf(code: EngineCode): number {
  createEngine(code, options)
  const before = process.memoryUsage().rss
  const engines = Array.from({ length: 50 }, () => createEngine(code, options))
  const after = process.memoryUsage().rss
  for (const engine of engines) engine[Symbol.dispose]()
  return (after - before) / engines.length / 2 ** 20
}

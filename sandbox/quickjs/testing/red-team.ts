import { type EngineCode, EngineError, type ScriptEngine } from '../contract.ts'
import { createEngine } from '../engine.ts'
import { testOptions } from './guests.ts'
import type { HostileScript } from './red-team-scripts.ts'

/** What hostile scripts get. */
export const redTeamLimits = { callMs: 50, loadMs: 500, heapBytes: 32 * 2 ** 20 } as const

/** How an attempt ended. */
export interface Attempt {
  /** `returned`, or the kind of the error. */
  readonly outcome: string
  /** Whether the instance was ended with it. */
  readonly isFatal: boolean
  readonly wallMs: number
  /** Of this thread; what other programs took meanwhile is not in it. */
  readonly cpuMs: number
  readonly memoryBytes: number
}

/** Runs a script in an instance of its own, which has to answer afterwards unless it is dead. */
export function attempt(code: EngineCode, script: HostileScript): Attempt {
  using engine = createEngine(code, testOptions(redTeamLimits))
  const run = engine.entry('run')
  const cpu = process.threadCpuUsage()
  const startedAt = performance.now()
  const error = errorOf(engine, () => engine.call(run, [script.source]))
  const wallMs = performance.now() - startedAt
  const { user, system } = process.threadCpuUsage(cpu)
  const { memoryBytes } = engine
  if (!engine.isDead && engine.callNumbers(engine.entry('sum'), 1, 2, 3) !== 6)
    throw new Error('it answers wrong')
  return {
    outcome: error?.kind ?? 'returned',
    isFatal: engine.isDead,
    wallMs,
    cpuMs: (user + system) / 1_000,
    memoryBytes,
  }
}

function errorOf(engine: ScriptEngine, call: () => void): EngineError | null {
  try {
    call()
    return null
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    if (error.isFatal !== engine.isDead) throw new Error(`it says of itself that it is not ${error.isFatal}`)
    return error
  }
}

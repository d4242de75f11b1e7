import type { Log } from '../../chains/context.ts'
import type { Meter } from '../../chains/telemetry.ts'
import { createDataPlane, type DataPlane } from '../../proxy/data-plane.ts'
import { ScriptMeter } from '../../proxy/telemetry/script-meter.ts'
import { localKeyValues } from '../../sandbox/plugin/testing/local-key-value.ts'
import { modelOf, type SidecarOptions } from './model.ts'

/** A line that the data plane logged. */
export interface LogLine {
  readonly level: keyof Log
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>> | undefined
}

/** A data plane that runs in this process. Disposing of it destroys all its connections. */
export interface Sidecar extends AsyncDisposable {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number
  readonly plane: DataPlane
  readonly logged: LogLine[]
  /** The instruments' present values by metric name, summed over labels; histograms count observations. */
  readonly counted: ReadonlyMap<string, number>
}

/** Starts a real data plane on a port of the kernel's choice. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const logged: LogLine[] = []
  const counted = new Map<string, number>()
  const plane = createDataPlane({
    log: recordingLog(logged),
    meter: recordingMeter(counted),
    writeAccessLog: () => {},
    reusePort: false,
    idPrefix: 'test',
    plugins: { keyValueOf: localKeyValues(), metrics: new ScriptMeter() },
  })
  const generation = await plane.prepare(1, modelOf(options))
  generation.commit()
  const port = generation.listeners[0]?.port
  if (port === undefined) throw new Error('the data plane bound no listener')
  return { port, plane, logged, counted, [Symbol.asyncDispose]: () => plane.close() }
}

function recordingLog(logged: LogLine[]): Log {
  const write = (level: keyof Log) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    logged.push({ level, message, fields })
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function recordingMeter(counted: Map<string, number>): Meter {
  const add = (name: string, amount: number) => counted.set(name, (counted.get(name) ?? 0) + amount)
  return {
    counter: (name) => ({ add: (amount = 1) => add(name, amount) }),
    gauge: (name) => ({ add: (amount) => add(name, amount) }),
    histogram: (name) => ({ observe: () => add(name, 1) }),
  }
}

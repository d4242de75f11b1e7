import { createHash } from 'node:crypto'
import type { PluginSpec, WasmSettings } from '../../chains/plugins.ts'
import { sumOfStatuses } from '../../sandbox/plugin/status.ts'
import type { Control } from '../admin/control.ts'
import type { EndpointStatus } from '../endpoint-listing.ts'
import { isLogLevel, type LogLevel } from '../telemetry/log.ts'
import type { MetricTotals } from '../telemetry/totals.ts'
import type { WorkerMeter } from '../telemetry/worker-meter.ts'
import type { ConfigFeed } from './config-feed.ts'
import type { Supervisor } from './supervisor.ts'

/** What {@link makeControl} puts behind the admin port. */
export interface ControlParts {
  readonly version: string
  readonly supervisor: Supervisor
  readonly feed: ConfigFeed
  readonly totals: MetricTotals
  /** What the main thread itself counts. */
  readonly meter: WorkerMeter
  readonly log: { readonly level: LogLevel; setLevel(level: LogLevel): void }
  drain(): void
  quit(): void
}

/** A worker that is slower than this is shown with its last numbers, or not at all. */
const snapshotLimitMs = 500
/** Metrics of the main thread; workers count from 1. */
const mainThreadId = 0

/** What the admin port shows and does, out of the parts of a running sidecar. */
export function makeControl(parts: ControlParts): Control {
  const { supervisor, feed, totals, meter, log } = parts
  return {
    ready: () => readiness(supervisor),
    configDump: () => configDump(parts.version, feed),
    chains: () => supervisor.serving?.chains ?? {},
    plugins: async () => {
      const workers = await supervisor.askAll('plugins', null, snapshotLimitMs)
      return sumOfStatuses(workers.flatMap(({ answer }) => answer))
    },
    clusters: async () => addUp(await supervisor.askAll('endpoints', null, snapshotLimitMs)),
    generations: async () => {
      const workers = await supervisor.askAll('generations', null, snapshotLimitMs)
      return {
        current: feed.accepted?.generation ?? null,
        history: feed.history,
        workers: workers.map(({ worker, answer }) => ({ worker, generations: answer })),
      }
    },
    metrics: async () => {
      totals.update(mainThreadId, meter.snapshot())
      const snapshots = await supervisor.askAll('metrics', null, snapshotLimitMs)
      for (const { worker, answer } of snapshots) totals.update(worker, answer)
      return totals.exposition()
    },
    logLevel: () => log.level,
    setLogLevel: (level) => {
      if (!isLogLevel(level)) return false
      log.setLevel(level)
      supervisor.setLogLevel(level)
      return true
    },
    drain: () => parts.drain(),
    quit: () => parts.quit(),
  }
}

function readiness(supervisor: Supervisor): { isReady: boolean; reason: string } {
  if (supervisor.isDraining) return { isReady: false, reason: 'draining' }
  if (!supervisor.serving) return { isReady: false, reason: 'starting' }
  if (supervisor.servingWorkers === 0) return { isReady: false, reason: 'no worker is running' }
  return { isReady: true, reason: 'serving' }
}

function configDump(version: string, feed: ConfigFeed): unknown {
  const accepted = feed.accepted
  if (!accepted) return { version, generation: null }
  const { process, model, files } = accepted.settings
  const { adminToken, ...shown } = process
  return {
    version,
    generation: accepted.generation,
    source: feed.sourceName,
    files,
    process: { ...shown, hasAdminToken: adminToken !== null },
    model: { ...model, plugins: model.plugins.map(withoutSource) },
  }
}

/** A script may hold secrets that nobody can tell by their names: only which one it is is shown. */
function withoutSource({ source, sourceMap, previous, wasm, ...shown }: PluginSpec): unknown {
  return {
    ...shown,
    ...(wasm
      ? { wasm: withoutSecrets(wasm) }
      : { source: { sha256: digestOf(source), characters: source.length } }),
    previous: previous && withoutSource(previous),
  }
}

/** What a module is told may be secret too. */
function withoutSecrets(wasm: WasmSettings): unknown {
  const { abi, digest, rootId, vmId, bodyWhileHeadersHeld, capabilities, environment } = wasm
  const told = (bytes: Uint8Array) => ({ sha256: digestOf(bytes), bytes: bytes.length })
  return {
    ...{ abi, digest, rootId, vmId, bodyWhileHeadersHeld, capabilities },
    configuration: told(wasm.configuration),
    vmConfiguration: told(wasm.vmConfiguration),
    environment: Object.keys(environment),
  }
}

const digestOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex')

/** One row for each endpoint, its numbers summed over workers. */
function addUp(
  answers: readonly { readonly answer: readonly EndpointStatus[] }[],
): readonly EndpointStatus[] {
  const rows = new Map<string, EndpointStatus>()
  for (const status of answers.flatMap(({ answer }) => answer)) {
    const key = JSON.stringify([status.direction, status.cluster, status.endpoint])
    const sum = rows.get(key)
    rows.set(
      key,
      sum
        ? {
            ...sum,
            connectionsOpen: sum.connectionsOpen + status.connectionsOpen,
            connectionsIdle: sum.connectionsIdle + status.connectionsIdle,
            requestsPending: sum.requestsPending + status.requestsPending,
          }
        : status,
    )
  }
  return [...rows.values()]
}

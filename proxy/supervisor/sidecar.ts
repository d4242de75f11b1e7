import { isDeepStrictEqual } from 'node:util'
import { type Address, type AdminServers, startAdmin } from '../admin/server.ts'
import { formatFault } from '../config/fault.ts'
import { loadConfig } from '../config/load.ts'
import type { LoadOptions, Settings } from '../config/settings.ts'
import type { BoundListener } from '../data-plane.ts'
import { makeModules } from '../modules/wasm-modules.ts'
import { ProbeServers } from '../probes.ts'
import { createLog, type LeveledLog } from '../telemetry/log.ts'
import { MetricTotals } from '../telemetry/totals.ts'
import { WorkerMeter } from '../telemetry/worker-meter.ts'
import { ConfigFeed } from './config-feed.ts'
import { makeControl } from './control.ts'
import { deferred } from './deferred.ts'
import { FileWatch } from './file-watch.ts'
import { ModuleRetry, type RetryWaits } from './module-retry.ts'
import { address } from './ports.ts'
import { orRefusal, Refusal } from './refusal.ts'
import { Supervisor, type SupervisorOptions } from './supervisor.ts'

/** What {@link startSidecar} is made with. */
export interface SidecarOptions {
  readonly source: LoadOptions
  /** Of the program, for metrics and `/config_dump`. */
  readonly version: string
  /** Takes the lines of the log; standard error when not given. */
  readonly write?: (line: string) => void
  /** For tests: other workers, shorter limits. */
  readonly supervision?: Pick<
    SupervisorOptions,
    'workerUrl' | 'silenceLimitMs' | 'prepareLimitMs' | 'respawn'
  >
  /** When modules that could not be had are asked for again. */
  readonly moduleRetry?: RetryWaits
  /** How often the config's files are looked at without being told to. */
  readonly pollMs?: number
}

/** A whole sidecar in this process. */
export interface Sidecar {
  /** Of the generation that serves, with the ports that were bound. */
  readonly listeners: readonly BoundListener[]
  readonly admin: Address | null
  readonly metrics: Address | null
  /** Resolves when it has ended in good order, by {@link shutdown} or by the admin port. */
  readonly ended: Promise<void>
  /** Reads the config again, as SIGHUP does. The log says what became of it. */
  reload(cause: string): Promise<void>
  /** Opens the access log anew, after a rotation. */
  reopenLogs(): void
  /** Not ready from now on; answers what is in flight within the drain limit, then lets go of everything. */
  shutdown(): Promise<void>
}

/**
 * Loads the config, starts the workers and the ports of the main thread, and
 * keeps following the config's files. Rejects with {@link Refusal};
 * nothing is left then.
 */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { pollMs } = options
  // Kept from one load to the next: what was fetched and compiled once is not again.
  const source = { ...options.source, modules: options.source.modules ?? makeModules(options.source) }
  const log = createLog({ level: 'info', ...(options.write && { write: options.write }) })
  const parts: Partial<Parts> = {}
  let sidecar: Sidecar | null = null
  let changedEarly: readonly string[] | null = null
  const onChange = (changed: readonly string[]): void => {
    if (sidecar) void sidecar.reload(changeOf(changed))
    else changedEarly = changed
  }
  try {
    // Before the file is read, so that a change in between is not missed.
    const { labelsFile, manifests = [] } = source.flags
    const files = [source.configFile, labelsFile, ...manifests].filter((file) => typeof file === 'string')
    parts.watch = new FileWatch(files, { log, onChange, ...(pollMs && { pollMs }) })
    const loaded = await loadConfig(source)
    if (!loaded.ok) {
      for (const warning of loaded.warnings) log.warn(formatFault(warning))
      throw new Refusal(loaded.faults.map(formatFault))
    }
    log.setLevel(loaded.settings.process.logLevel)
    sidecar = await startParts({ ...options, source }, loaded.settings, log, parts)
  } catch (thrown) {
    await closeParts(parts)
    throw thrown
  }
  if (changedEarly) onChange(changedEarly)
  return sidecar
}

const maxNamed = 3

/** Says which files have changed; none is left when one changed back meanwhile. */
function changeOf(files: readonly string[]): string {
  const rest = files.length > maxNamed ? ` and ${files.length - maxNamed} more` : ''
  return ['file changed', files.slice(0, maxNamed).join(', ')].filter((part) => part).join(': ') + rest
}

interface Parts {
  watch: FileWatch
  supervisor: Supervisor
  probes: ProbeServers
  admin: AdminServers
  retry: ModuleRetry
}

async function closeParts({ watch, supervisor, probes, admin, retry }: Partial<Parts>): Promise<void> {
  watch?.close()
  retry?.[Symbol.dispose]()
  await supervisor?.close()
  await Promise.all([probes?.close(), admin?.close()])
}

async function startParts(
  options: SidecarOptions,
  settings: Settings,
  log: LeveledLog,
  parts: Partial<Parts>,
): Promise<Sidecar> {
  const { version, source, supervision } = options
  const meter = new WorkerMeter()
  const totals = new MetricTotals({ version })
  const { workers, logLevel } = settings.process
  const supervisor = new Supervisor({
    ...supervision,
    workers,
    log,
    logLevel,
    onWorkerGone: (workerId, kind) => {
      totals.workerGone(workerId)
      if (kind !== 'stopped') meter.counter('pillion_workers_ended_total', { reason: kind }).add()
    },
  })
  parts.supervisor = supervisor
  const probes = new ProbeServers()
  parts.probes = probes
  const retry = new ModuleRetry(() => void feed.reload('a module is missing'), options.moduleRetry)
  parts.retry = retry
  const onAccepted = (next: Settings, previous: Settings | null): void => {
    parts.watch?.watch(next.files)
    retry.note(next.isModuleMissing)
    if (!previous) return
    warnOfFixed(log, settings, next)
    if (next.process.logLevel === previous.process.logLevel) return
    log.setLevel(next.process.logLevel)
    supervisor.setLogLevel(next.process.logLevel)
  }
  const onRefused = (files: readonly string[]): void => {
    parts.watch?.watch([...(feed.accepted?.settings.files ?? []), ...files])
  }
  const feed: ConfigFeed = new ConfigFeed({
    source,
    supervisor,
    probes,
    log,
    meter,
    onAccepted,
    onRefused,
  })
  const life = makeLife(supervisor, feed, log, parts)
  const { admin: adminAddress, metrics, adminToken } = settings.process
  const control = makeControl({ version, supervisor, feed, totals, meter, log, ...life })
  const ports = { admin: adminAddress, metrics }
  const admin = await orRefusal(() => startAdmin({ ...ports, token: adminToken, control, log }))
  parts.admin = admin
  await orRefusal(() => supervisor.start())
  await feed.push(settings, 'start')
  announceAdmin(log, admin)
  return {
    get listeners() {
      return supervisor.serving?.listeners ?? []
    },
    admin: admin.admin,
    metrics: admin.metrics,
    ended: life.ended,
    reload: (cause) => (supervisor.isDraining ? Promise.resolve() : feed.reload(cause)),
    reopenLogs: () => supervisor.reopenLogs(),
    shutdown: life.shutdown,
  }
}

interface Life {
  readonly ended: Promise<void>
  drain(): void
  quit(): void
  shutdown(): Promise<void>
}

function makeLife(supervisor: Supervisor, feed: ConfigFeed, log: LeveledLog, parts: Partial<Parts>): Life {
  const ended = deferred<void>()
  let isEnding = false
  const drain = async (): Promise<void> => {
    const deadlineMs = feed.accepted?.settings.model.timeouts.drainMs ?? 0
    if (!supervisor.isDraining) log.info('draining', { deadlineMs })
    await supervisor.drain(deadlineMs)
  }
  const shutdown = (): Promise<void> => {
    if (!isEnding) {
      isEnding = true
      parts.watch?.close()
      parts.retry?.[Symbol.dispose]()
      drain()
        .then(() => closeParts(parts))
        .then(() => log.info('ended'))
        .then(ended.resolve, ended.reject)
    }
    return ended.promise
  }
  return { ended: ended.promise, drain: () => void drain(), quit: () => void shutdown(), shutdown }
}

/** What is decided at start and cannot change before the next one. */
const fixed = ['workers', 'admin', 'metrics', 'adminToken'] as const

function warnOfFixed(log: LeveledLog, started: Settings, next: Settings): void {
  for (const name of fixed) {
    if (isDeepStrictEqual(started.process[name], next.process[name])) continue
    log.warn(`${name} cannot change while the sidecar runs: restart it to use the new value`)
  }
}

function announceAdmin(log: LeveledLog, admin: AdminServers): void {
  for (const name of ['admin', 'metrics'] as const) {
    const bound = admin[name]
    if (bound) log.info(`${name} listens on ${address(bound.host, bound.port)}`, { ...bound })
  }
}

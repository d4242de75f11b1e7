import { createHash } from 'node:crypto'
import { serialize } from 'node:v8'
import type { Log } from '../../chains/context.ts'
import type { Model } from '../../chains/model.ts'
import type { Counter, Gauge, Meter } from '../../chains/telemetry.ts'
import { formatFault } from '../config/fault.ts'
import { loadConfig } from '../config/load.ts'
import type { LoadOptions, Settings, UncompiledPlugin } from '../config/settings.ts'
import type { ProbeServers } from '../probes.ts'
import { GenerationHistory, type GenerationRecord } from './history.ts'
import { plainSpec } from './plugin-content.ts'
import { address } from './ports.ts'
import { PreviousPlugins } from './previous-plugins.ts'
import type { PreparedReport } from './protocol.ts'
import { collectWhenQuiet } from './quiet-collection.ts'
import { orRefusal, Refusal } from './refusal.ts'
import type { Supervisor } from './supervisor.ts'

/** What {@link ConfigFeed} works with. */
export interface ConfigFeedTools {
  readonly source: LoadOptions
  readonly supervisor: Supervisor
  readonly probes: ProbeServers
  readonly log: Log
  readonly meter: Meter
  /** Told of settings that have been accepted, before the log says so. */
  readonly onAccepted: (settings: Settings, previous: Settings | null) => void
  /** Told of the files that a refused config was made of, or was at fault in. */
  readonly onRefused: (files: readonly string[]) => void
}

/** How long workers may take to say how their plugins do. */
const statesLimitMs = 2_000

interface Accepted {
  readonly generation: number
  readonly settings: Settings
  readonly fingerprint: string
}

/** Brings configs into service, one at a time, and remembers what became of them. */
export class ConfigFeed {
  readonly #tools: ConfigFeedTools
  readonly #history = new GenerationHistory()
  readonly #previous = new PreviousPlugins()
  readonly #serving: Gauge
  readonly #pushes: { readonly ok: Counter; readonly refused: Counter }
  #accepted: Accepted | null = null
  #announced = new Set<string>()
  #reloading: Promise<void> | null = null
  #nextCause: string | null = null

  constructor(tools: ConfigFeedTools) {
    this.#tools = tools
    this.#serving = tools.meter.gauge('pillion_config_generation', {})
    this.#pushes = {
      ok: tools.meter.counter('pillion_config_pushes_total', { outcome: 'ok' }),
      refused: tools.meter.counter('pillion_config_pushes_total', { outcome: 'refused' }),
    }
  }

  /** What serves; null before the first config. */
  get accepted(): { readonly generation: number; readonly settings: Settings } | null {
    return this.#accepted
  }

  /** The last attempts, newest first. */
  get history(): readonly GenerationRecord[] {
    return this.#history.list()
  }

  /** Where the config comes from, for people. */
  get sourceName(): string {
    return this.#tools.source.configFile ?? 'command line'
  }

  /** Brings settings into service that are loaded already. Throws {@link Refusal}; nothing has changed then. */
  async push(settings: Settings, cause: string): Promise<void> {
    const { log, onAccepted } = this.#tools
    const fingerprint = fingerprintOf(settings.model)
    const previous = this.#accepted
    if (previous?.fingerprint === fingerprint) {
      const { model } = previous.settings
      this.#accepted = { ...previous, settings: { ...settings, model } }
      onAccepted(settings, previous.settings)
      log.info('the config has not changed', { cause, serving: previous.generation })
      return
    }
    const generation = this.#history.next()
    const model = await this.#withPrevious(settings.model, previous?.settings.model ?? null)
    const report = await this.#orRecord(generation, cause, () => {
      this.#refuseUncompiled(settings)
      return this.#apply(generation, model)
    })
    this.#accepted = { generation, settings: { ...settings, model }, fingerprint }
    this.#record(generation, cause, [])
    this.#serving.add(generation - (previous?.generation ?? 0))
    onAccepted(settings, previous?.settings ?? null)
    for (const warning of settings.warnings) log.warn(formatFault(warning))
    for (const warning of report.warnings) log.warn(warning)
    for (const { message } of report.faulty) log.error(message)
    this.#warnUncompiled(settings)
    this.#announce(report.listeners)
    // The number stands in the text, because the log holds back texts that repeat quickly.
    log.info(`generation ${generation} serves`, { generation, source: this.sourceName, cause })
    collectWhenQuiet()
  }

  /** A plugin that could not be compiled is served without at the first start only, and where it was so before. */
  #refuseUncompiled({ faultyPlugins }: Settings): void {
    const before = this.#accepted?.settings.faultyPlugins
    const isKnown = ({ name, version }: UncompiledPlugin) =>
      !before || before.some((one) => one.name === name && one.version === version)
    const reasons = faultyPlugins
      .filter((one) => !isKnown(one))
      .flatMap(({ faults }) => faults.map(formatFault))
    if (reasons.length > 0) throw new Refusal(reasons)
  }

  /** What the workers do not tell: they know the first fault of a plugin that is mounted. */
  #warnUncompiled({ faultyPlugins, model }: Settings): void {
    for (const { name, faults } of faultyPlugins) {
      const isMounted = model.plugins.some((spec) => spec.name === name)
      for (const fault of isMounted ? faults.slice(1) : faults) this.#tools.log.warn(formatFault(fault))
    }
  }

  async #withPrevious(model: Model, serving: Model | null): Promise<Model> {
    if (!serving || serving.plugins.length === 0) return this.#previous.carry(model, serving, [])
    const answers = await this.#tools.supervisor.askAll('plugins', null, statesLimitMs)
    return this.#previous.carry(
      model,
      serving,
      answers.flatMap(({ answer }) => answer),
    )
  }

  async #apply(generation: number, model: Model): Promise<PreparedReport> {
    const probes = await this.#tools.probes.prepare(model)
    try {
      const report = await this.#tools.supervisor.apply(generation, model)
      probes.commit()
      return report
    } catch (thrown) {
      await probes.discard()
      throw thrown
    }
  }

  /** Reads the config again and brings it into service. Says in the log what became of it; never rejects. */
  reload(cause: string): Promise<void> {
    this.#nextCause = cause
    // Whoever asks while one is under way gets another one after it: the files may have been read already.
    this.#reloading ??= this.#reloadAll().finally(() => {
      this.#reloading = null
    })
    return this.#reloading
  }

  async #reloadAll(): Promise<void> {
    for (let cause = this.#nextCause; cause !== null; cause = this.#nextCause) {
      this.#nextCause = null
      try {
        await this.#reloadOnce(cause)
      } catch (thrown) {
        const reasons = thrown instanceof Refusal ? thrown.reasons : [messageOf(thrown)]
        const fields = { source: this.sourceName, cause, serving: this.#accepted?.generation, reasons }
        this.#tools.log.error(`config refused, the old one still serves: ${reasons[0]}`, fields)
      }
    }
  }

  async #reloadOnce(cause: string): Promise<void> {
    const loaded = await loadConfig(this.#tools.source)
    if (loaded.ok) {
      try {
        return await this.push(loaded.settings, cause)
      } catch (thrown) {
        this.#tools.onRefused(loaded.settings.files)
        throw thrown
      }
    }
    // A file that is only missing may be made good without the config being touched again.
    const atFault = loaded.faults.map((fault) => fault.file).filter((file) => !file.startsWith('-'))
    this.#tools.onRefused([...new Set([...loaded.files, ...atFault])])
    for (const warning of loaded.warnings) this.#tools.log.warn(formatFault(warning))
    const reasons = loaded.faults.map(formatFault)
    this.#record(this.#history.next(), cause, reasons)
    throw new Refusal(reasons)
  }

  async #orRecord<T>(generation: number, cause: string, work: () => Promise<T>): Promise<T> {
    try {
      return await orRefusal(work)
    } catch (thrown) {
      if (thrown instanceof Refusal) this.#record(generation, cause, thrown.reasons)
      throw thrown
    }
  }

  #record(generation: number, cause: string, reasons: readonly string[]): void {
    const outcome = reasons.length === 0 ? 'ok' : 'refused'
    this.#pushes[outcome].add()
    this.#history.add({ generation, source: this.sourceName, cause, outcome, reasons })
  }

  /** One line for each address that was not listened on before. */
  #announce(listeners: readonly { direction: string; host: string; port: number }[]): void {
    const now = new Set<string>()
    for (const { direction, host, port } of listeners) {
      const line = `${direction} listens on ${address(host, port)}`
      now.add(line)
      if (!this.#announced.has(line)) this.#tools.log.info(line, { direction, host, port })
    }
    this.#announced = now
  }
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/** Equal for equal models. Not JSON, which would write out a shared service once for each of its hosts. */
const fingerprintOf = (model: Model): string => {
  const plugins = model.plugins.map(plainSpec)
  return createHash('sha256')
    .update(serialize({ ...model, plugins }))
    .digest('base64')
}

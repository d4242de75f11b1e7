import type { PluginSpec } from '../../../chains/plugins.ts'
import type { Tools } from '../../../chains/tools.ts'

/** Lines that a guest can write in a second, in one worker; and how long they can be. */
export const logLimits = { linesPerSecond: 200, length: 8_192 } as const

/** How the levels of a guest (`trace` to `critical`) are logged, by their numbers. */
const levels = ['debug', 'debug', 'info', 'warn', 'error', 'error'] as const

/** The log lines of a guest. */
export class GuestLog {
  readonly #tools: Pick<Tools, 'log' | 'clock'>
  #secondBegan = 0
  #lines = 0
  #dropped = 0

  constructor(tools: Pick<Tools, 'log' | 'clock'>) {
    this.#tools = tools
  }

  /** Writes a line; false when there is no such level. `text` is UTF-8. */
  write(spec: PluginSpec, level: number, text: Buffer): boolean {
    const name = levels[level]
    if (name === undefined) return false
    const fields = { plugin: spec.name, version: spec.version }
    if (this.#isOver(fields)) return true
    const isLong = text.length > logLimits.length
    const line = (isLong ? text.subarray(0, logLimits.length) : text).toString('utf8')
    this.#tools.log[name](isLong ? `${line}…` : line, fields)
    return true
  }

  #isOver(fields: Readonly<Record<string, string>>): boolean {
    const now = this.#tools.clock.now()
    if (now - this.#secondBegan >= 1_000) {
      if (this.#dropped > 0) {
        this.#tools.log.warn(`${this.#dropped} lines of the plugin were dropped: it wrote too many`, fields)
      }
      this.#secondBegan = now
      this.#lines = 0
      this.#dropped = 0
    }
    this.#lines += 1
    if (this.#lines > logLimits.linesPerSecond) this.#dropped += 1
    return this.#lines > logLimits.linesPerSecond
  }
}

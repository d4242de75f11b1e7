import type { Log } from '../../../chains/context.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import type { Clock } from '../../../chains/tools.ts'
import type { HostFunction } from '../../quickjs/contract.ts'
import type { Calling } from './calling.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const

/** Lines that a plugin can write in a second, in one worker. */
const maxLinesPerSecond = 200
const maxLength = 8_192

/** What plugins write to the log: cut to a length, and to so many lines in a second. */
export function logFunctions(
  spec: PluginSpec,
  log: Log,
  clock: Clock,
  calling: Calling,
): Record<string, HostFunction> {
  const fields = { plugin: spec.name, version: spec.version }
  let secondBegan = 0
  let lines = 0
  let dropped = 0
  const isOver = (): boolean => {
    const now = clock.now()
    if (now - secondBegan >= 1_000) {
      if (dropped > 0) log.warn(`${dropped} lines of the plugin were dropped: it wrote too many`, fields)
      secondBegan = now
      lines = 0
      dropped = 0
    }
    lines += 1
    if (lines > maxLinesPerSecond) dropped += 1
    return lines > maxLinesPerSecond
  }
  return {
    log: (call) => {
      const given = call.string(0)
      const text = call.string(1)
      const level = levels.find((one) => one === given) ?? 'info'
      if (isOver()) return
      const target = calling.current?.cx.log ?? log
      target[level](text.length > maxLength ? `${text.slice(0, maxLength)}…` : text, fields)
    },
  }
}

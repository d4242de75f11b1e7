import { bufferType, type Status, status } from '../../contract.ts'
import type { Caller } from '../caller.ts'

const nanosecondsPerMillisecond = 1_000_000

/** Functions for the log, the clocks, the contexts and the configuration of a guest (1.5). */
export function generalFunctions(caller: Caller) {
  const { memory } = caller
  const now = () => {
    const wall = performance.timeOrigin + performance.now()
    return BigInt(Math.round(wall * 1_000)) * BigInt(nanosecondsPerMillisecond / 1_000)
  }
  return {
    proxy_log(level: number, address: number, length: number): Status {
      if (level >>> 0 > 5) return status.badArgument
      const bytes = memory.bytes(address, length)
      if (bytes === null) return status.invalidMemoryAccess
      caller.log.write(caller.spec, level, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      return status.ok
    },
    /** Trace: which lines are kept is decided behind the log. */
    proxy_get_log_level: (cell: number): Status => memory.setWord(cell, 0),
    proxy_get_current_time_nanoseconds: (cell: number): Status => memory.setLong(cell, now()),
    proxy_set_tick_period_milliseconds(ms: number): Status {
      caller.context.root.setTickPeriod(ms >>> 0)
      return status.ok
    },
    proxy_get_configuration(addressCell: number, lengthCell: number): Status {
      const type =
        caller.callback === 'proxy_on_vm_start' ? bufferType.vmConfiguration : bufferType.pluginConfiguration
      const bytes = caller.context.root.buffer(type) ?? new Uint8Array(0)
      return memory.give(bytes, addressCell, lengthCell)
    },
    proxy_get_status(codeCell: number, addressCell: number, lengthCell: number): Status {
      const { code, message } = caller.context.root.lastStatus()
      const written = memory.setWord(codeCell, code)
      return written === status.ok ? memory.give(Buffer.from(message), addressCell, lengthCell) : written
    },
    proxy_set_effective_context: (id: number): Status =>
      caller.setEffectiveContext(id >>> 0) ? status.ok : status.badArgument,
    proxy_done: (): Status => caller.context.root.done(),
  }
}

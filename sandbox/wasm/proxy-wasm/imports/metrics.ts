import { type Status, status } from '../../contract.ts'
import type { Caller } from '../caller.ts'

const histogram = 2

/** Functions for metrics (1.15). */
export function metricFunctions(caller: Caller) {
  const { memory } = caller
  const { metrics } = caller.ports
  return {
    proxy_define_metric(type: number, address: number, length: number, cell: number): Status {
      if (type >>> 0 > histogram) return status.badArgument
      const name = memory.text(address, length)
      if (name === null) return status.invalidMemoryAccess
      const id = metrics.define(type, name)
      return id === null ? status.internalFailure : memory.setWord(cell, id)
    },
    proxy_increment_metric: (id: number, offset: bigint): Status => metrics.increment(id >>> 0, offset),
    proxy_record_metric: (id: number, value: bigint): Status =>
      metrics.record(id >>> 0, BigInt.asUintN(64, value)),
    proxy_get_metric(id: number, cell: number): Status {
      const found = metrics.get(id >>> 0)
      return typeof found === 'number' ? found : memory.setLong(cell, found.value)
    },
  }
}

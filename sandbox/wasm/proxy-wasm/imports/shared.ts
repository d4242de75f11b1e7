import { type Status, status } from '../../contract.ts'
import type { Caller } from '../caller.ts'

const setStatuses = { ok: status.ok, mismatch: status.casMismatch, full: status.internalFailure } as const
const enqueueStatuses = { ok: status.ok, unknown: status.notFound, full: status.internalFailure } as const
const dequeueStatuses = { empty: status.empty, unknown: status.notFound } as const

/** Functions for data and queues that plugins share (1.14). */
export function sharedFunctions(caller: Caller) {
  return { ...dataFunctions(caller), ...queueFunctions(caller) }
}

function dataFunctions(caller: Caller) {
  const { memory } = caller
  const { shared } = caller.ports
  return {
    proxy_get_shared_data(
      key: number,
      keyLength: number,
      addressCell: number,
      lengthCell: number,
      casCell: number,
    ): Status {
      const name = memory.text(key, keyLength)
      if (name === null) return status.invalidMemoryAccess
      const found = shared.getData(caller.settings.vmId, name)
      if (found === null) return status.notFound
      const given = memory.give(found.value, addressCell, lengthCell)
      return given === status.ok ? memory.setWord(casCell, found.cas) : given
    },
    proxy_set_shared_data(key: number, keyLength: number, at: number, size: number, cas: number): Status {
      const name = memory.text(key, keyLength)
      const value = memory.bytes(at, size)
      if (name === null || value === null) return status.invalidMemoryAccess
      return setStatuses[shared.setData(caller.settings.vmId, name, value.slice(), cas >>> 0)]
    },
  }
}

function queueFunctions(caller: Caller) {
  const { memory } = caller
  const { shared } = caller.ports
  return {
    proxy_register_shared_queue(address: number, length: number, cell: number): Status {
      const name = memory.text(address, length)
      if (name === null) return status.invalidMemoryAccess
      const { root } = caller.context
      const token = shared.registerQueue(caller.settings.vmId, name, () => {
        if (typeof token === 'number') root.queueReady(token)
      })
      return token === 'full' ? status.internalFailure : memory.setWord(cell, token)
    },
    proxy_resolve_shared_queue(
      vmId: number,
      vmIdLength: number,
      address: number,
      length: number,
      cell: number,
    ): Status {
      const vm = memory.text(vmId, vmIdLength)
      const name = memory.text(address, length)
      if (vm === null || name === null) return status.invalidMemoryAccess
      const token = shared.resolveQueue(vm === '' ? caller.settings.vmId : vm, name)
      return token === null ? status.notFound : memory.setWord(cell, token)
    },
    proxy_enqueue_shared_queue(token: number, at: number, size: number): Status {
      const bytes = memory.bytes(at, size)
      if (bytes === null) return status.invalidMemoryAccess
      return enqueueStatuses[shared.enqueue(token >>> 0, bytes.slice())]
    },
    proxy_dequeue_shared_queue(token: number, addressCell: number, lengthCell: number): Status {
      const taken = shared.dequeue(token >>> 0)
      if (typeof taken === 'string') return dequeueStatuses[taken]
      return memory.give(taken, addressCell, lengthCell)
    },
  }
}

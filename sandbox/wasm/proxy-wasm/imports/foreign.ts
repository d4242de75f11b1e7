import { type Status, status } from '../../contract.ts'
import type { Caller } from '../caller.ts'

/** Functions that guests call by name (1.5). A result that is not wanted has cells at 0. */
export function foreignFunctions(caller: Caller) {
  const { memory } = caller
  return {
    proxy_call_foreign_function(
      name: number,
      nameLength: number,
      at: number,
      size: number,
      addressCell: number,
      lengthCell: number,
    ): Status {
      const called = memory.text(name, nameLength)
      const argument = memory.bytes(at, size)
      if (called === null || argument === null) return status.invalidMemoryAccess
      caller.worked(argument.length >> 12)
      const answer = caller.ports.foreign.call(called, argument, caller.context)
      if ('status' in answer) return answer.status
      if (addressCell === 0 || lengthCell === 0) return status.ok
      return memory.give(answer.result, addressCell, lengthCell)
    },
  }
}

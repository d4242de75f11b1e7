import { type BufferType, bufferType, type Status, status } from '../../contract.ts'
import type { Caller } from '../caller.ts'

const nothing = new Uint8Array(0)

function isBufferType(type: number): type is BufferType {
  return type >>> 0 <= bufferType.foreignArguments
}

function bufferOf({ context }: Caller, type: BufferType): Uint8Array | null {
  return (type >= bufferType.callResponseBody ? context.root : context).buffer(type)
}

/** Functions for buffers (1.5). Starts and lengths are cut to what there is. */
export function bufferFunctions(caller: Caller) {
  const { memory } = caller
  return {
    proxy_get_buffer_bytes(
      type: number,
      start: number,
      length: number,
      addressCell: number,
      lengthCell: number,
    ): Status {
      if (!isBufferType(type)) return status.badArgument
      const bytes = bufferOf(caller, type)
      const isBody = type === bufferType.requestBody || type === bufferType.responseBody
      if (bytes === null && !isBody) return status.notFound
      const from = start >>> 0
      const part = (bytes ?? nothing).subarray(from, from + (length >>> 0))
      caller.worked(part.length >> 14)
      return memory.give(part, addressCell, lengthCell)
    },
    proxy_get_buffer_status(type: number, lengthCell: number, flagsCell: number): Status {
      if (!isBufferType(type)) return status.badArgument
      const bytes = bufferOf(caller, type)
      if (bytes === null) return status.notFound
      const written = memory.setWord(lengthCell, bytes.length)
      return written === status.ok ? memory.setWord(flagsCell, 0) : written
    },
    proxy_set_buffer_bytes(
      type: number,
      start: number,
      length: number,
      address: number,
      size: number,
    ): Status {
      if (!isBufferType(type)) return status.badArgument
      const data = memory.bytes(address, size)
      if (data === null) return status.invalidMemoryAccess
      if (type >= bufferType.callResponseBody) return status.badArgument
      caller.worked(data.length >> 14)
      return caller.context.spliceBuffer(type, start >>> 0, length >>> 0, data)
    },
  }
}

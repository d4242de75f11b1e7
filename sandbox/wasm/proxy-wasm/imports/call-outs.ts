import { type CallResult, type Status, status } from '../../contract.ts'
import type { Caller } from '../caller.ts'
import { latin1 } from '../guest-memory.ts'
import { decodePairs, pairLimits } from '../pairs.ts'

/** Functions that call out (1.16). Answers come as callbacks of the root context. */
export function callOutFunctions(caller: Caller) {
  return { ...httpFunctions(caller), ...grpcFunctions(caller), ...openStreamFunctions(caller) }
}

/**
 * Copies regions of the guest, given as address and length in turn; a status when one is not all inside, or when
 * together they are more than a call-out may carry, which is asked before anything is copied.
 */
function copies({ memory, context }: Caller, regions: readonly number[]): Uint8Array[] | Status {
  const { bufferKiB } = context.root.spec.policy.limits
  const views: Uint8Array[] = []
  let total = 0
  for (let index = 0; index < regions.length; index += 2) {
    const bytes = memory.bytes(regions[index] as number, regions[index + 1] as number)
    if (bytes === null) return status.invalidMemoryAccess
    total += bytes.length
    views.push(bytes)
  }
  if (total > bufferKiB * 1_024 + 2 * pairLimits.bytes) return status.internalFailure
  return views.map((view) => view.slice())
}

/** Starts a call, and writes its id to a cell, which is known to be writable before anything is sent. */
function start({ memory }: Caller, cell: number, timeoutMs: number, call: () => CallResult): Status {
  if (memory.setWord(cell, 0) !== status.ok) return status.invalidMemoryAccess
  if (timeoutMs < 0) return status.badArgument
  const result = call()
  return 'id' in result ? memory.setWord(cell, result.id) : result.status
}

function httpFunctions(caller: Caller) {
  return {
    proxy_http_call(
      upstream: number,
      upstreamLength: number,
      headers: number,
      headersLength: number,
      body: number,
      bodyLength: number,
      trailers: number,
      trailersLength: number,
      timeoutMs: number,
      cell: number,
    ): Status {
      const regions = [upstream, upstreamLength, headers, headersLength, body, bodyLength]
      const parts = copies(caller, [...regions, trailers, trailersLength])
      if (typeof parts === 'number') return parts
      const [name, head, content, tail] = parts as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
      return start(caller, cell, timeoutMs, () =>
        caller.context.root.calls.http(
          latin1(name),
          decodePairs(head),
          content,
          decodePairs(tail),
          timeoutMs,
        ),
      )
    },
  }
}

function grpcFunctions(caller: Caller) {
  return {
    proxy_grpc_call(
      upstream: number,
      upstreamLength: number,
      service: number,
      serviceLength: number,
      method: number,
      methodLength: number,
      metadata: number,
      metadataLength: number,
      message: number,
      messageLength: number,
      timeoutMs: number,
      cell: number,
    ): Status {
      const regions = [upstream, upstreamLength, service, serviceLength, method, methodLength]
      const parts = copies(caller, [...regions, metadata, metadataLength, message, messageLength])
      if (typeof parts === 'number') return parts
      const [to, type, name, pairs, content] = parts as [
        ...[Uint8Array, Uint8Array, Uint8Array],
        ...[Uint8Array, Uint8Array],
      ]
      // Rust has no word for a bad argument here.
      if (timeoutMs < 0) return status.internalFailure
      return start(caller, cell, timeoutMs, () =>
        caller.context.root.calls.grpcCall(
          to,
          latin1(type),
          latin1(name),
          decodePairs(pairs),
          content,
          timeoutMs,
        ),
      )
    },
    proxy_grpc_stream(
      upstream: number,
      upstreamLength: number,
      service: number,
      serviceLength: number,
      method: number,
      methodLength: number,
      metadata: number,
      metadataLength: number,
      cell: number,
    ): Status {
      const regions = [upstream, upstreamLength, service, serviceLength, method, methodLength]
      const parts = copies(caller, [...regions, metadata, metadataLength])
      if (typeof parts === 'number') return parts
      const [to, type, name, pairs] = parts as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
      return start(caller, cell, 0, () =>
        caller.context.root.calls.grpcStream(to, latin1(type), latin1(name), decodePairs(pairs)),
      )
    },
  }
}

function openStreamFunctions(caller: Caller) {
  return {
    proxy_grpc_send(id: number, address: number, length: number, isLast: number): Status {
      const message = caller.memory.bytes(address, length)
      if (message === null) return status.invalidMemoryAccess
      return caller.context.root.calls.grpcSend(id >>> 0, message.slice(), isLast !== 0)
    },
    proxy_grpc_cancel: (id: number): Status => caller.context.root.calls.grpcEnd(id >>> 0),
    proxy_grpc_close: (id: number): Status => caller.context.root.calls.grpcEnd(id >>> 0),
  }
}

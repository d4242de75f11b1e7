import { type Status, type StreamType, status, streamType } from '../../contract.ts'
import type { Caller } from '../caller.ts'
import { decodePairs } from '../pairs.ts'

const statusRange = { least: 100, most: 999 } as const
const mostGrpcStatus = 16

function isStreamType(type: number): type is StreamType {
  return type >>> 0 <= streamType.upstream
}

/** Functions that go on with a stream, end it or answer it (1.10, 1.11), and its properties (1.12). */
export function streamFunctions(caller: Caller) {
  return {
    proxy_continue_stream: (type: number): Status =>
      isStreamType(type) ? caller.context.continueStream(type) : status.badArgument,
    proxy_close_stream: (type: number): Status =>
      isStreamType(type) ? caller.context.closeStream(type) : status.badArgument,
    proxy_continue_request: (): Status => caller.context.continueStream(streamType.request),
    proxy_continue_response: (): Status => caller.context.continueStream(streamType.response),
    proxy_clear_route_cache(): Status {
      caller.context.clearRouteCache()
      return status.ok
    },
    proxy_send_local_response(
      code: number,
      details: number,
      detailsLength: number,
      body: number,
      bodyLength: number,
      headers: number,
      headersLength: number,
      grpcStatus: number,
    ): Status {
      const { memory } = caller
      const text = memory.text(details, detailsLength)
      const content = memory.bytes(body, bodyLength)
      const pairs = memory.bytes(headers, headersLength)
      if (text === null || content === null || pairs === null) return status.invalidMemoryAccess
      if (code < statusRange.least || code > statusRange.most) return status.badArgument
      return caller.context.sendLocalResponse({
        status: code,
        details: text,
        body: content.slice(),
        headers: decodePairs(pairs),
        grpcStatus: grpcStatus >= 0 && grpcStatus <= mostGrpcStatus ? grpcStatus : -1,
      })
    },
  }
}

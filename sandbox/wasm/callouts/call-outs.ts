import type { PluginSpec } from '../../../chains/plugins.ts'
import type { PluginHost } from '../../plugin/contract.ts'
import type { CallOutListener, CallOuts } from '../contract.ts'
import { GrpcCalls } from './grpc-calls.ts'
import { HttpCalls } from './http-calls.ts'
import { OpenCalls } from './open-calls.ts'

/**
 * The call-outs of one root context, through the worker's own pools. `nextId` gives ids that are unique in the
 * VM. `listener` is never called inside a call of the result, nor after its disposal, which cuts whatever is
 * still on its way; what it throws is logged, and ends nothing.
 */
export function makeCallOuts(
  spec: PluginSpec,
  host: PluginHost,
  listener: CallOutListener,
  nextId: () => number,
): CallOuts {
  const open = new OpenCalls(spec, host, nextId)
  const http = new HttpCalls(open, listener)
  const grpc = new GrpcCalls(open, listener)
  return {
    http: http.call.bind(http),
    grpcCall: grpc.unary.bind(grpc),
    grpcStream: grpc.stream.bind(grpc),
    grpcSend: grpc.send.bind(grpc),
    grpcEnd: grpc.end.bind(grpc),
    [Symbol.dispose]: () => open[Symbol.dispose](),
  }
}

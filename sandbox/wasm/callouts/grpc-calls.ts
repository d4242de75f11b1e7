import type { OutgoingHttpHeaders } from 'node:http2'
import { asProxyError, type ProxyError } from '../../../chains/failures.ts'
import { type CallOutListener, type CallResult, type Status, status } from '../contract.ts'
import type { Destination } from './directory.ts'
import { GrpcCall } from './grpc/call.ts'
import { headersOf } from './grpc/request.ts'
import { type GrpcOutcome, grpcStatus } from './grpc/status.ts'
import { targetsOf } from './grpc/target.ts'
import type { OpenCall, OpenCalls } from './open-calls.ts'

/** What a guest asks for, checked. */
interface Asked {
  readonly destination: Destination
  readonly headers: OutgoingHttpHeaders
  readonly withinMs: number | null
}

/** The gRPC calls of one root context: unary ones as Envoy tells of them (one message, or a close), and streams. */
export class GrpcCalls {
  readonly #open: OpenCalls
  readonly #listener: CallOutListener
  readonly #calls = new Map<number, GrpcCall>()

  constructor(open: OpenCalls, listener: CallOutListener) {
    this.#open = open
    this.#listener = listener
  }

  /** Begins a call of one message each way. */
  unary(
    upstream: Uint8Array,
    service: string,
    method: string,
    metadata: readonly string[],
    message: Uint8Array,
    timeoutMs: number,
  ): CallResult {
    const withinMs = this.#open.limitOf(timeoutMs)
    if (withinMs === null) return { status: status.internalFailure }
    if (message.length > this.#open.maxBytes) return { status: status.internalFailure }
    const asked = this.#asked(upstream, service, method, metadata, withinMs)
    if (typeof asked === 'number') return { status: asked }
    const [id, call] = this.#begin(asked, true)
    call.send(message, true)
    return { id }
  }

  /** Begins a stream, which lasts until either side ends it. */
  stream(upstream: Uint8Array, service: string, method: string, metadata: readonly string[]): CallResult {
    const asked = this.#asked(upstream, service, method, metadata, null)
    if (typeof asked === 'number') return { status: asked }
    return { id: this.#begin(asked, false)[0] }
  }

  /** Sends one more message on a stream. */
  send(id: number, message: Uint8Array, isLast: boolean): Status {
    const call = this.#calls.get(id)
    if (!call) return status.notFound
    return call.isUnary ? status.badArgument : call.send(message, isLast)
  }

  /** Ends a call; nothing is told of it any more. */
  end(id: number): Status {
    const call = this.#calls.get(id)
    if (!call) return status.notFound
    call.cancel()
    return status.ok
  }

  #asked(
    upstream: Uint8Array,
    service: string,
    method: string,
    metadata: readonly string[],
    withinMs: number | null,
  ): Asked | Status {
    const headers = headersOf({ service, method, metadata, timeoutMs: withinMs })
    if (!headers) return status.internalFailure
    for (const { upstream: name, authority } of targetsOf(upstream)) {
      const destination = this.#open.directory.find(name)
      if (!destination) continue
      if (!this.#open.hasRoom) return status.internalFailure
      if (authority !== null) headers[':authority'] = authority
      return { destination, headers, withinMs }
    }
    return status.parseFailure
  }

  #begin(asked: Asked, isUnary: boolean): [number, GrpcCall] {
    const open = this.#open.begin(asked.withinMs)
    const { id } = open
    const tell = (action: (listener: CallOutListener) => void) =>
      this.#open.tell(() => action(this.#listener))
    const call = new GrpcCall(isUnary, this.#open.maxBytes, {
      initialMetadata: (pairs) => tell((to) => to.grpcInitialMetadata(id, pairs)),
      message: (bytes) => tell((to) => to.grpcMessage(id, bytes)),
      trailingMetadata: (pairs) => tell((to) => to.grpcTrailingMetadata(id, pairs)),
      closed: (outcome) => tell((to) => to.grpcClosed(id, outcome.status, outcome.message)),
      over: () => {
        this.#calls.delete(id)
        this.#open.finish(open)
      },
    })
    this.#calls.set(id, call)
    open.cx.onAbort((reason) => call.fail(abortOutcome(reason)))
    void this.#connect(open, call, asked)
    return [id, call]
  }

  async #connect({ cx }: OpenCall, call: GrpcCall, { destination, headers }: Asked): Promise<void> {
    try {
      call.attach(await destination.stream(headers, cx))
    } catch (thrown) {
      call.fail({ status: grpcStatus.unavailable, message: asProxyError(thrown).message })
    }
  }
}

function abortOutcome({ code, message }: ProxyError): GrpcOutcome {
  return {
    status: code === 'REQUEST_TIMEOUT' ? grpcStatus.deadlineExceeded : grpcStatus.unavailable,
    message,
  }
}

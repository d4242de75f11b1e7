import { once } from 'node:events'
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { endpoint } from '../../../chains/balancing/fixtures.ts'
import type { Cluster } from '../../../chains/model.ts'
import { defaultPluginPolicy, type PluginLimits, type PluginSpec } from '../../../chains/plugins.ts'
import { recordingTools, testCluster, testModel } from '../../../chains/policy/testing.ts'
import { SharedState } from '../../../chains/shared-state.ts'
import type { Clock } from '../../../chains/tools.ts'
import { ReadBuffers } from '../../../proxy/net/read-buffers.ts'
import { Sweeper } from '../../../proxy/net/sweeper.ts'
import { PluginNetwork } from '../../../proxy/plugin-network/plugin-network.ts'
import { systemClock } from '../../../proxy/system-clock.ts'
import { WorkerMeter } from '../../../proxy/telemetry/worker-meter.ts'
import { UpstreamDirectory } from '../../../proxy/upstream/upstream.ts'
import { eventually } from '../../../test/support/nothing-left.ts'
import type { PluginHost } from '../../plugin/contract.ts'
import type { CallOutListener, CallOuts } from '../contract.ts'
import { makeCallOuts } from './call-outs.ts'
import { Deframer, frameOf } from './grpc/frames.ts'

const messageLimits = { maxHeadBytes: 16_384, maxTargetBytes: 8_192, maxHeaders: 64 }

/** One thing that a root context was told. */
export interface Told {
  readonly what: keyof CallOutListener
  readonly id: number
  /** Whatever came with it. */
  readonly rest: readonly unknown[]
}

/** Call-outs as a worker makes them, with its own upstream side and network, and what they told. */
export interface Started extends Disposable {
  readonly calls: CallOuts
  readonly told: Told[]
  /** What was told of one call, once there is as much. */
  toldOf(id: number, count?: number): Promise<readonly Told[]>
  /** Closes what the worker itself keeps open. */
  [Symbol.dispose](): void
}

/** What a test says of the call-outs that it starts. */
export interface StartOptions {
  readonly clusters?: Readonly<Record<string, readonly number[]>>
  readonly connect?: readonly string[]
  readonly limits?: Partial<PluginLimits>
  readonly clock?: Clock
}

/** Starts call-outs to clusters of ports on this machine. */
export function start({
  clusters = {},
  connect = [],
  limits = {},
  clock = systemClock,
}: StartOptions = {}): Started {
  const base = testModel(Object.entries(clusters).map(([name, ports]) => localCluster(name, ports)))
  const model = { ...base, timeouts: { ...base.timeouts, connectMs: 2_000 } }
  const scope = new SharedState().scope()
  const shared = {
    sweeper: new Sweeper(),
    buffers: new ReadBuffers(),
    readerLimits: { ...messageLimits, maxBodyBytes: 0, kind: 'response' as const },
    bodyIdleMs: 5_000,
    streamIdleMs: 5_000,
  }
  const meter = new WorkerMeter()
  const upstream = new UpstreamDirectory({ model, scope, meter, shared })
  upstream.activate()
  const network = new PluginNetwork({ plugin: 'tried', model, meter, shared })
  const host: PluginHost = {
    tools: { ...recordingTools(), clock, meter, shared: scope, upstream },
    model,
    meter: { called: () => {}, failed: () => {}, restarted: () => {} },
    network,
    kv: null,
    metrics: { metric: () => ({ add() {}, set() {}, observe() {} }) },
    httpModule: () => null,
    tcpModule: () => null,
  }
  const told: Told[] = []
  let lastId = 0
  const calls = makeCallOuts(specOf(connect, limits), host, recording(told), () => {
    lastId += 1
    return lastId
  })
  const toldOf = async (id: number, count = 1) => {
    const found = () => told.filter((one) => one.id === id)
    await eventually(() => found().length >= count, `call ${id} has told ${count} things`)
    return found()
  }
  return {
    calls,
    told,
    toldOf,
    [Symbol.dispose]() {
      calls[Symbol.dispose]()
      network[Symbol.dispose]()
      scope[Symbol.dispose]()
    },
  }
}

function localCluster(name: string, ports: readonly number[]): Cluster {
  return testCluster(name, {
    endpoints: ports.map((port) => endpoint(`127.0.0.1:${port}`)),
    connections: {
      maxConnections: 32,
      maxRequestsPerConnection: 1_000,
      maxPendingRequests: 1_000,
      idleMs: 5_000,
    },
  })
}

function specOf(connect: readonly string[], limits: Partial<PluginLimits>): PluginSpec {
  return {
    name: 'tried',
    version: '1',
    language: 'wasm',
    source: '',
    origin: 'Plugin tried',
    lineOffset: 0,
    columnOffset: 0,
    sourceMap: null,
    priority: 100,
    policy: {
      ...defaultPluginPolicy,
      grants: { ...defaultPluginPolicy.grants, connect },
      limits: { ...defaultPluginPolicy.limits, ...limits },
    },
    previous: null,
  }
}

function recording(told: Told[]): CallOutListener {
  const note =
    (what: keyof CallOutListener) =>
    (id: number, ...rest: unknown[]) =>
      void told.push({ what, id, rest })
  return {
    httpDone: note('httpDone'),
    grpcInitialMetadata: note('grpcInitialMetadata'),
    grpcMessage: note('grpcMessage'),
    grpcTrailingMetadata: note('grpcTrailingMetadata'),
    grpcClosed: note('grpcClosed'),
  }
}

/** One call as a gRPC server has it. */
export interface ServedCall {
  readonly path: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly stream: ServerHttp2Stream
  /** Sends a message, with the head before the first. */
  send(message: string): void
  /** Ends the call. */
  end(status: number, message?: string): void
}

/** A gRPC server that speaks HTTP/2 with prior knowledge and takes 20 calls at a time. Disposing of it cuts all its sessions. */
export class GrpcServer implements AsyncDisposable {
  readonly #server: Http2Server
  readonly #sessions = new Set<ServerHttp2Session>()
  /** How many sessions it has seen. */
  sessions = 0

  private constructor(onMessage: (call: ServedCall, message: string) => void) {
    this.#server = createServer({ settings: { maxConcurrentStreams: 20 } })
    this.#server.on('session', (session) => {
      this.sessions += 1
      this.#sessions.add(session)
      session.on('close', () => this.#sessions.delete(session))
    })
    this.#server.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.on('error', () => {})
      const call = served(stream, headers)
      const deframer = new Deframer(1 << 24)
      stream.on('data', (bytes: Buffer) => {
        for (const message of deframer.push(bytes)) onMessage(call, message.toString())
      })
    })
  }

  /** Listens on a port of the kernel's choice; `onMessage` is called for each message of each call. */
  static async start(onMessage: (call: ServedCall, message: string) => void): Promise<GrpcServer> {
    const made = new GrpcServer(onMessage)
    made.#server.listen(0, '127.0.0.1')
    await once(made.#server, 'listening')
    return made
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Sessions that stand. */
  get open(): number {
    return this.#sessions.size
  }

  /** Takes no more calls on the sessions that stand, and ends each after its last. */
  retire(): void {
    for (const session of this.#sessions) session.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function served(stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>): ServedCall {
  const begin = (): void => {
    if (stream.headersSent) return
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'x-head': 'here' },
      { waitForTrailers: true },
    )
  }
  return {
    path: String(headers[':path']),
    headers,
    stream,
    send(message) {
      begin()
      stream.write(frameOf(Buffer.from(message)))
    },
    end(status, message = '') {
      const fields = { 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) }
      if (!stream.headersSent) {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...fields }, { endStream: true })
        return
      }
      stream.once('wantTrailers', () => stream.sendTrailers(fields))
      stream.end()
    },
  }
}

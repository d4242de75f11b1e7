import type { Context } from '../../chains/context.ts'
import type { PluginSpec, WasmSettings } from '../../chains/plugins.ts'
import type { PluginHost } from '../plugin/contract.ts'
import type { CallbackName } from './proxy-wasm/callbacks.ts'

/** The versions of the Proxy-Wasm ABI that a module can name (Proxy-Wasm spec, `proxy_abi_version_…`). */
export const abiVersions = ['0.1.0', '0.2.0', '0.2.1'] as const
/** One of {@link abiVersions}. */
export type AbiVersion = (typeof abiVersions)[number]

/** What a host function answers (Proxy-Wasm spec, `proxy_status_t`). SDKs bear only some of them from each function. */
export const status = {
  ok: 0,
  notFound: 1,
  badArgument: 2,
  serializationFailure: 3,
  parseFailure: 4,
  invalidMemoryAccess: 6,
  empty: 7,
  casMismatch: 8,
  internalFailure: 10,
  unimplemented: 12,
} as const
/** One of {@link status}. */
export type Status = (typeof status)[keyof typeof status]

/** The header maps (`proxy_map_type_t`). */
export const mapType = {
  requestHeaders: 0,
  requestTrailers: 1,
  responseHeaders: 2,
  responseTrailers: 3,
  grpcInitialMetadata: 4,
  grpcTrailingMetadata: 5,
  callResponseHeaders: 6,
  callResponseTrailers: 7,
} as const
/** One of {@link mapType}. */
export type MapType = (typeof mapType)[keyof typeof mapType]

/** The buffers (`proxy_buffer_type_t`). */
export const bufferType = {
  requestBody: 0,
  responseBody: 1,
  downstreamData: 2,
  upstreamData: 3,
  callResponseBody: 4,
  grpcMessage: 5,
  vmConfiguration: 6,
  pluginConfiguration: 7,
  foreignArguments: 8,
} as const
/** One of {@link bufferType}. */
export type BufferType = (typeof bufferType)[keyof typeof bufferType]

/** Which stream is continued or closed (`proxy_stream_type_t`). */
export const streamType = { request: 0, response: 1, downstream: 2, upstream: 3 } as const
/** One of {@link streamType}. */
export type StreamType = (typeof streamType)[keyof typeof streamType]

/**
 * A header map as guests see it: lower-case names in wire order, pseudo headers (`:path`, …) first, values
 * as latin1 strings (one character a byte). Writes land in the message at once.
 */
export interface HeaderMap {
  /** The first value of a name (any case). */
  get(name: string): string | undefined
  /** Names and values in turn. */
  pairs(): readonly string[]
  /** How many there are. Costs less than {@link pairs}. */
  readonly size: number
  add(name: string, value: string): Status
  replace(name: string, value: string): Status
  remove(name: string): Status
  /** Replaces everything, pseudo headers too. */
  set(pairs: readonly string[]): Status
}

/** An answer that a guest gives in place of the upstream (`proxy_send_local_response`). */
export interface LocalResponse {
  readonly status: number
  readonly details: string
  readonly body: Uint8Array
  /** Names and values in turn. */
  readonly headers: readonly string[]
  /** -1 for none. */
  readonly grpcStatus: number
}

/**
 * A context of a guest, as the host functions see it: a root context, an HTTP stream or a connection.
 *
 * What could call back into the guest (continue, close, local responses) is only noted here, and done when
 * the running call has returned ({@link VirtualMachine.afterCall}): a guest is never entered while it runs.
 */
export interface HostContext {
  readonly id: number
  readonly root: RootHost
  /** The exchange that calls for this context are counted for; null for a root context. */
  readonly exchange: Context | null
  /** A map to be read; null when there is none in this phase. */
  readableMap(type: MapType): HeaderMap | null
  /** A map to be written; null when it cannot be (any more). */
  writableMap(type: MapType): HeaderMap | null
  /** What a buffer holds now: a view that is valid until the next call of anything here; null when there is none. */
  buffer(type: BufferType): Uint8Array | null
  /** Replaces `length` bytes at `start` by `data` (copied), as the reference has it (1.5). */
  spliceBuffer(type: BufferType, start: number, length: number, data: Uint8Array): Status
  /** The value of a property, encoded (1.12); null when there is none. `path` is latin1. */
  property(path: readonly string[]): Uint8Array | null
  /** `path` with its zeros. */
  setProperty(path: string, value: Uint8Array): Status
  continueStream(type: StreamType): Status
  closeStream(type: StreamType): Status
  sendLocalResponse(response: LocalResponse): Status
  clearRouteCache(): void
}

/**
 * The root context of one plugin in a VM. Maps and buffers from number 4 on (call-outs, configurations, arguments)
 * are always asked of it, whatever context is the effective one: streams need not know them.
 */
export interface RootHost extends HostContext {
  /** Whose it is: errors and log lines of calls for it and its streams name this plugin. */
  readonly spec: PluginSpec
  readonly settings: WasmSettings
  /** Is told of each call for this context and its streams. */
  readonly meter: PluginHost['meter']
  /** 0 stops; takes the place of the period before. */
  setTickPeriod(ms: number): void
  /** `proxy_get_status`. */
  lastStatus(): { readonly code: number; readonly message: string }
  /** `proxy_done`: ok only while it is waited for. */
  done(): Status
  readonly calls: CallOuts
  /** Something is in a queue that this context registered. Calls the guest, when no call is running. */
  queueReady(token: number): void
}

/** The call-outs of one root context (1.16). Ids are unique in the VM. Answers come later, never inside the call that asked. */
export interface CallOuts extends Disposable {
  /** `headers` as names and values in turn. Gives the id, or why not. */
  http(
    upstream: string,
    headers: readonly string[],
    body: Uint8Array,
    trailers: readonly string[],
    timeoutMs: number,
  ): CallResult
  grpcCall(
    upstream: Uint8Array,
    service: string,
    method: string,
    metadata: readonly string[],
    message: Uint8Array,
    timeoutMs: number,
  ): CallResult
  grpcStream(upstream: Uint8Array, service: string, method: string, metadata: readonly string[]): CallResult
  grpcSend(id: number, message: Uint8Array, isLast: boolean): Status
  /** Cancel and close alike: nothing is delivered after it. */
  grpcEnd(id: number): Status
}
/** An id, or why there is none. */
export type CallResult = { readonly id: number } | { readonly status: Status }

/** What a call-out brings back to its root context, which calls the guest with it. Each once and in order. */
export interface CallOutListener {
  /** Null: it failed; then `status` says how (`proxy_get_status`). Header names and values in turn. */
  httpDone(
    id: number,
    answer: {
      readonly headers: readonly string[]
      readonly body: Uint8Array
      readonly trailers: readonly string[]
    } | null,
    status: { readonly code: number; readonly message: string },
  ): void
  grpcInitialMetadata(id: number, metadata: readonly string[]): void
  grpcMessage(id: number, message: Uint8Array): void
  grpcTrailingMetadata(id: number, metadata: readonly string[]): void
  grpcClosed(id: number, status: number, message: string): void
}

/**
 * One instance of a module in one worker. Any trap, a call over its time, `proc_exit`, or a fault of a host
 * function ends it for good; a `PluginError` is thrown from the call in which it happened.
 */
export interface VirtualMachine extends Disposable {
  readonly abi: AbiVersion
  readonly isDead: boolean
  readonly memoryBytes: number
  /** A number for a new context, never one that was used before. */
  nextId(): number
  /** Makes a context known to `proxy_set_effective_context`; and forgets it. */
  register(context: HostContext): void
  forget(id: number): void
  has(callback: CallbackName): boolean
  /**
   * Calls a callback for a context. Null when the guest has none of that name. Throws a `PluginError` when the
   * guest fails, and at once when it is dead. What was deferred is done before this returns, unless another call is still running.
   */
  call(
    callback: CallbackName,
    context: HostContext,
    a: number,
    b?: number,
    c?: number,
    d?: number,
    e?: number,
  ): number | null
  /** Does something when no call is running any more: at once if none is. In the order of asking. */
  afterCall(action: () => void): void
  /** Told once, when the instance dies: paused streams end then, at once. The result takes it back. */
  onDeath(listener: (error: Error) => void): () => void
}

/** State that plugins share over all workers (1.14). Values are copies. */
export interface SharedState {
  /**
   * Says that somebody on this thread uses a vm id, until the result is disposed of. Its data, queues and numbers are
   * forgotten when nobody on any thread uses it any more. Throws a `RangeError` when there is no room for it. What
   * writes to a vm id that nobody on this thread has acquired holds it until the thread ends.
   */
  acquire(vmId: string): Disposable
  /** Null: there is none. */
  getData(vmId: string, key: string): { readonly value: Uint8Array; readonly cas: number } | null
  /** `cas` 0 is unconditional. */
  setData(vmId: string, key: string, value: Uint8Array, cas: number): 'ok' | 'mismatch' | 'full'
  /**
   * Gives the token; from now on `onReady` is called, asynchronously on this thread, once for each entry that anybody
   * enqueues, until another registers the queue. Also for those that were enqueued while nobody was there to be told.
   */
  registerQueue(vmId: string, name: string, onReady: () => void): number | 'full'
  resolveQueue(vmId: string, name: string): number | null
  enqueue(token: number, bytes: Uint8Array): 'ok' | 'unknown' | 'full'
  dequeue(token: number): Uint8Array | 'empty' | 'unknown'
  /** A 64-bit number that all workers share, by its name within `owner`, which is acquired like a vm id and has its limits. */
  number(owner: string, name: string): SharedNumber | 'full'
}

/** A number that all workers share, of 64 bits with a sign. It is 0, and does nothing, once this thread has released its owner. */
export interface SharedNumber {
  get(): bigint
  add(amount: bigint): void
  /** Gives what it was before, at once for all threads. */
  set(value: bigint): bigint
}

/** Metrics of a VM's plugins (1.15). Ids are the VM's own. */
export interface MetricsPort {
  /** `type` is 0 counter, 1 gauge, 2 histogram: it was checked. The same id for the same name and type; null when there is no room, or the name is another's. */
  define(type: number, name: string): number | null
  /** `offset` is signed. */
  increment(id: number, offset: bigint): Status
  /** `value` is unsigned. */
  record(id: number, value: bigint): Status
  get(id: number): { readonly value: bigint } | Status
}

/** Functions that a guest calls by name (1.5). */
export interface ForeignFunctions {
  /** `argument` is a view that is valid during the call only. An unknown name is `notFound`. `context` is the effective one; its `root` is the plugin. */
  call(
    name: string,
    argument: Uint8Array,
    context: HostContext,
  ): { readonly result: Uint8Array } | { readonly status: Status }
}

/** What a VM is given of the world, beside its contexts. */
export interface VirtualMachinePorts {
  /** Whoever owns the VM acquires its vm id, so that data outlive a VM that died. */
  readonly shared: SharedState
  readonly metrics: MetricsPort
  readonly foreign: ForeignFunctions
}

/** What of a {@link PluginHost} is used here: the clock, the log, and of a root context the meter. */
export type VirtualMachineHost = Pick<PluginHost, 'tools' | 'meter'>

/** The root context as its owner sees it. */
export interface RootContext extends RootHost, Disposable {
  /** Creates, starts and configures it, once. Throws a `PluginFault` when the guest refuses or fails; then it is disposed of. */
  start(): void
  /**
   * Unloads it: `proxy_on_done`, then, at once or after `proxy_done` or 30 seconds, `proxy_on_delete`; `ended` is called after
   * that, at the latest when the VM dies. New streams must not be made from now on.
   */
  end(ended: () => void): void
  /** Gone at once, without a word to the guest: timers and call-outs too. */
  [Symbol.dispose](): void
}

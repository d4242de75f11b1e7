import type { Context, Outcome } from '../../../../chains/context.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import {
  type BufferType,
  bufferType,
  type HostContext,
  type RootHost,
  type Status,
  type StreamType,
  status,
  streamType,
  type VirtualMachine,
} from '../../contract.ts'
import type { StreamProperties } from '../properties/stream-properties.ts'
import type { HeadAction } from './actions.ts'
import { StreamLife } from './stream-life.ts'
import { Way, type WayOutlet } from './way.ts'

/** What a connection is made from. */
export interface TcpStreamOptions {
  readonly vm: VirtualMachine
  readonly root: RootHost
  readonly cx: Context
  readonly properties: StreamProperties
  readonly outlets: Readonly<Record<PeerName, WayOutlet>>
  /** The guest failed, or closed the connection. Nothing is let through any more. */
  readonly onBroken: (error: ProxyError) => void
  /** Told once when it is over. */
  readonly onEnd: (stream: TcpStream) => void
}

/** Who sends. */
export type PeerName = 'downstream' | 'upstream'

/** Who closed, as guests are told (`proxy_peer_type_t`). */
const closers = { unknown: 0, local: 1, remote: 2 } as const

/** One connection of one guest. */
export class TcpStream implements HostContext {
  readonly id: number
  readonly root: RootHost
  readonly exchange: Context
  readonly ways: Readonly<Record<PeerName, Way>>
  readonly #options: TcpStreamOptions
  readonly #life: StreamLife
  /** Which sides have said that they send no more. */
  readonly #hasClosed: Record<PeerName, boolean> = { downstream: false, upstream: false }
  #isBroken = false

  constructor(options: TcpStreamOptions) {
    const { vm, root, cx, outlets } = options
    this.#options = options
    this.id = vm.nextId()
    this.root = root
    this.exchange = cx
    this.#life = new StreamLife(vm, this, (error) => this.#break(error))
    const limitBytes = root.spec.policy.limits.bufferKiB * 1_024
    const way = (name: PeerName) =>
      new Way({
        guest: this.#guest(name),
        outlet: outlets[name],
        limitBytes,
        isBodyWanted: false,
        isConnection: true,
      })
    this.ways = { downstream: way('downstream'), upstream: way('upstream') }
  }

  /** Whether it waits for the guest: it ends with that. */
  get isHeld(): boolean {
    return this.ways.downstream.isHeld || this.ways.upstream.isHeld
  }

  create(): void {
    this.#life.create()
  }

  /** The connection is there. `all` holds it until the guest says so. */
  begin(): HeadAction {
    return this.ways.downstream.feedHead(false)
  }

  /** It fails from outside: the pause was too long, or the instance is gone. */
  fail(error: ProxyError): void {
    this.#life.fail(error)
  }

  /** A side sends no more, and all of it was seen. */
  closed(name: PeerName): void {
    if (this.#hasClosed[name]) return
    this.#hasClosed[name] = true
    if (name === 'upstream') this.#life.call('proxy_on_upstream_connection_close', closers.unknown)
  }

  /** The connection is over. Harmless when it was already. */
  end(outcome: Outcome | null): void {
    const isFirst = this.#life.end(() => {
      this.#options.properties.outcome = outcome
      this.ways.downstream.stop()
      this.ways.upstream.stop()
      const closer = this.#hasClosed.downstream || outcome?.error?.code === 'CLIENT_GONE' ? 'remote' : 'local'
      if (!this.#life.hasFailed) this.#life.call('proxy_on_downstream_connection_close', closers[closer])
    })
    if (isFirst) this.#options.onEnd(this)
  }

  readableMap(): null {
    return null
  }

  writableMap(): null {
    return null
  }

  buffer(type: BufferType): Uint8Array | null {
    return this.#holding(type)?.held.view ?? null
  }

  spliceBuffer(type: BufferType, start: number, length: number, data: Uint8Array): Status {
    const way = this.#holding(type)
    if (!way) return status.badArgument
    way.held.splice(start, length, data)
    return status.ok
  }

  property(path: readonly string[]): Uint8Array | null {
    return this.#options.properties.get(path, null)
  }

  setProperty(path: string, value: Uint8Array): Status {
    return this.#options.properties.set(path, value)
  }

  continueStream(type: StreamType): Status {
    if (type !== streamType.downstream && type !== streamType.upstream) return status.unimplemented
    const way = this.ways[type === streamType.downstream ? 'downstream' : 'upstream']
    this.#options.vm.afterCall(() => way.resume())
    return status.ok
  }

  closeStream(type: StreamType): Status {
    if (type !== streamType.downstream && type !== streamType.upstream) return status.unimplemented
    const error = new ProxyError('PLUGIN_THREW', `plugin ${this.root.spec.name} closed the connection`)
    this.#options.vm.afterCall(() => this.#break(error))
    return status.ok
  }

  /** There is no HTTP here. */
  sendLocalResponse(): Status {
    return status.badArgument
  }

  clearRouteCache(): void {}

  #holding(type: BufferType): Way | null {
    const { downstream, upstream } = this.ways
    if (type === bufferType.downstreamData) return downstream.holdsData ? downstream : null
    return type === bufferType.upstreamData && upstream.holdsData ? upstream : null
  }

  #break(error: ProxyError): void {
    if (this.#isBroken || this.#life.isEnding) return
    this.#isBroken = true
    this.ways.downstream.stop()
    this.ways.upstream.stop()
    this.#options.onBroken(error)
  }

  #guest(name: PeerName) {
    return {
      head: () => this.#life.call('proxy_on_new_connection'),
      data: (size: number, isEnd: boolean) => this.#life.call(`proxy_on_${name}_data`, size, isEnd ? 1 : 0),
      trailers: () => null,
    }
  }
}

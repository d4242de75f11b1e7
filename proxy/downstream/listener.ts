import net from 'node:net'
import type { Peer } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { Listener } from '../../chains/model.ts'
import type { Counter, Gauge } from '../../chains/telemetry.ts'
import type { Generation } from '../generation.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { Transport } from '../net/transport.ts'
import { type Destination, destinationHeader, plainAddress, takeDestination, trustOf } from './destination.ts'
import type { ClientConnection, Edge } from './edge.ts'
import { HttpConnection } from './http-connection.ts'
import type { RequestOrigin } from './origin.ts'
import { Preamble } from './preamble.ts'
import { TcpConnection } from './tcp-connection.ts'

/** The connections of all listeners of a worker, so that they can be counted and drained together. */
export interface ConnectionRegistry {
  readonly all: Set<ClientConnection>
  readonly accepted: Counter
  readonly active: Gauge
  readonly rejected: (reason: string) => Counter
  nextId(): number
}

/** What the beginning of a connection has told. */
interface Arrival {
  readonly transport: Transport
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  readonly destination: Destination | null
  readonly leftover: Buffer | null
}

/** Until somebody takes it over, what comes on a connection waits in the kernel. */
const idleHandler = { onData: () => false, onEnd: () => {}, onDrain: () => {}, onClose: () => {} }

/**
 * One address that is listened on. It outlives pushes that keep the address;
 * {@link serve} tells it what a new generation wants of it.
 */
export class ListenerSocket {
  readonly #edge: Edge
  readonly #registry: ConnectionRegistry
  readonly #server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true })
  #listener: Listener
  #isTrusted: (address: string) => boolean
  #waiting: net.Socket[] | null = []
  /** Whether no generation names it any more; connections that it accepted may live on. */
  #isClosed = false

  constructor(edge: Edge, registry: ConnectionRegistry, listener: Listener) {
    this.#edge = edge
    this.#registry = registry
    this.#listener = listener
    this.#isTrusted = trustOf(listener.trustedSources)
    this.#server.on('connection', (socket) => this.#arrived(socket))
  }

  /** Binds; resolves with the port. Connections wait until {@link serve}. Rejects with one clear line. */
  listen(port: number, reusePort: boolean): Promise<number> {
    const { host, direction } = this.#listener
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        reject(new Error(`cannot listen on ${host}:${port} (${direction}): ${listenFault(error)}`))
      })
      this.#server.listen({ host, port, reusePort, backlog: 1_024 }, () => {
        this.#server.removeAllListeners('error')
        this.#server.on('error', (error) => this.#edge.log.error('a listener failed', { host, error }))
        resolve((this.#server.address() as net.AddressInfo).port)
      })
    })
  }

  /** Begins to serve, or goes on by what a new generation says. */
  serve(listener: Listener): void {
    this.#listener = listener
    this.#isTrusted = trustOf(listener.trustedSources)
    const waiting = this.#waiting
    this.#waiting = null
    for (const socket of waiting ?? []) this.#arrived(socket)
  }

  /** Stops accepting. Connections that were accepted live on. */
  close(): Promise<void> {
    this.#isClosed = true
    for (const socket of this.#waiting ?? []) socket.destroy()
    this.#waiting = []
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #arrived(socket: net.Socket): void {
    if (this.#waiting) {
      this.#waiting.push(socket)
      return
    }
    const { maxConnections } = this.#edge.generation.model.limits
    if (this.#registry.all.size >= maxConnections) {
      this.#registry.rejected('max-connections').add()
      socket.destroy()
      return
    }
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket
    if (remoteAddress === '') {
      socket.destroy()
      return
    }
    this.#registry.accepted.add()
    const transport = Transport.accept(socket, this.#edge.buffers, idleHandler)
    const arrival: Arrival = {
      transport,
      remoteAddress: plainAddress(remoteAddress),
      remotePort,
      localAddress: plainAddress(localAddress),
      localPort,
      destination: null,
      leftover: null,
    }
    if (this.#listener.originalDestination === 'proxy-protocol') this.#readPreamble(arrival)
    else if (this.#listener.originalDestination === 'header') this.#startHttp(arrival, null)
    else this.#decide({ ...arrival, destination: { address: arrival.localAddress, port: localPort } })
  }

  #readPreamble(arrival: Arrival): void {
    if (!this.#isTrusted(arrival.remoteAddress)) {
      this.#reject(arrival, 'untrusted-proxy-header')
      return
    }
    const preamble: Preamble = new Preamble(this.#edge, arrival.transport, (result) => {
      this.#forget(preamble)
      if (!result) return
      const { header, leftover } = result
      const destination = header
        ? { address: header.destinationAddress, port: header.destinationPort }
        : { address: arrival.localAddress, port: arrival.localPort }
      const source = header ? { remoteAddress: header.sourceAddress, remotePort: header.sourcePort } : {}
      this.#decide({ ...arrival, ...source, destination, leftover })
    })
    this.#remember(preamble)
  }

  /** Finds the rule for a connection whose destination is known, and hands it to the right edge. */
  #decide(arrival: Arrival): void {
    const { direction } = this.#listener
    const destination = arrival.destination as Destination
    const decision = this.#edge.generation.accept[direction]({
      listener: this.#listener,
      remoteAddress: arrival.remoteAddress,
      destinationAddress: destination.address,
      destinationPort: destination.port,
      isAdmitted: false,
    })
    if (decision.kind === 'reject') {
      arrival.transport.reset()
      return
    }
    const peer = this.#makePeer(arrival, destination)
    const { port, isEgress } = decision
    if (decision.protocol === 'http') {
      this.#startHttp(arrival, { peer, port, isEgress })
      return
    }
    const { transport, leftover } = arrival
    const connection: TcpConnection = new TcpConnection({
      edge: this.#edge,
      transport,
      peer,
      port,
      isEgress,
      leftover,
      onGone: () => this.#forget(connection),
    })
    this.#remember(connection)
  }

  #startHttp(arrival: Arrival, fixed: RequestOrigin | null): void {
    const connection: HttpConnection = new HttpConnection({
      edge: this.#edge,
      transport: arrival.transport,
      peer: fixed?.peer ?? this.#makePeer(arrival, null),
      originOf: fixed ? this.#fixedOrigin(fixed) : this.#originByHeader(arrival),
      onGone: () => this.#forget(connection),
    })
    arrival.transport.handler = connection
    this.#remember(connection)
    if (arrival.leftover) connection.onData(arrival.leftover)
    arrival.transport.resume()
  }

  /** The rule found at accept; after a push, what the new generation decides. */
  #fixedOrigin(accepted: RequestOrigin): (head: RequestHead) => RequestOrigin | null {
    let { generation } = this.#edge
    let origin: RequestOrigin | null = accepted
    return (head) => {
      head.headers.delete(destinationHeader)
      if (this.#edge.generation === generation) return origin
      generation = this.#edge.generation
      origin = this.#originFor(accepted.peer, true)
      if (!origin) throw new ProxyError('NO_ROUTE', 'the rule of this connection is no longer configured')
      return origin
    }
  }

  /** The rule for what each request names; asked again only when the name or the generation changes. */
  #originByHeader(arrival: Arrival): (head: RequestHead) => RequestOrigin | null {
    const isTrusted = this.#isTrusted(arrival.remoteAddress)
    let generation: Generation | null = null
    let peer = this.#makePeer(arrival, null)
    let origin: RequestOrigin | null = null
    return (head) => {
      const destination = takeDestination(head, isTrusted)
      if (!destination) {
        throw new ProxyError(
          'BAD_REQUEST',
          `${destinationHeader} is missing, not ip:port, or not from a trusted source`,
        )
      }
      const { address, port } = destination
      const isSame = address === peer.destinationAddress && port === peer.destinationPort
      if (isSame && generation === this.#edge.generation) return origin
      generation = this.#edge.generation
      if (!isSame) peer = this.#makePeer(arrival, destination)
      origin = this.#originFor(peer, isSame && origin !== null)
      return origin
    }
  }

  /** Asks the generation that serves now. `isAdmitted`: the connection has its place in the quota already. */
  #originFor(peer: Peer, isAdmitted: boolean): RequestOrigin | null {
    if (this.#isClosed) return null
    const { remoteAddress, destinationAddress, destinationPort, direction } = peer
    const facts = { listener: this.#listener, remoteAddress, destinationAddress, destinationPort, isAdmitted }
    const decision = this.#edge.generation.accept[direction](facts)
    const isHttp = decision.kind === 'serve' && decision.protocol === 'http'
    return isHttp ? { peer, port: decision.port, isEgress: decision.isEgress } : null
  }

  #makePeer(arrival: Arrival, destination: Destination | null): Peer {
    return {
      id: this.#registry.nextId(),
      direction: this.#listener.direction,
      remoteAddress: arrival.remoteAddress,
      remotePort: arrival.remotePort,
      localAddress: arrival.localAddress,
      localPort: arrival.localPort,
      destinationAddress: destination?.address ?? '',
      destinationPort: destination?.port ?? 0,
      choices: new Map(),
    }
  }

  #reject(arrival: Arrival, reason: string): void {
    this.#registry.rejected(reason).add()
    arrival.transport.reset()
  }

  #remember(connection: ClientConnection): void {
    this.#registry.all.add(connection)
    this.#registry.active.add(1)
  }

  #forget(connection: ClientConnection): void {
    if (this.#registry.all.delete(connection)) this.#registry.active.add(-1)
  }
}

function listenFault(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'the port is in use'
  if (error.code === 'EACCES') return 'not allowed to use this port'
  if (error.code === 'EADDRNOTAVAIL') return 'the address is not one of this machine'
  return error.message
}

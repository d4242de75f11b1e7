import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { Endpoint, HttpRules, Model } from '../chains/model.ts'
import type { Probe } from '../chains/settings.ts'
import { address, bindFault } from './supervisor/ports.ts'

// An import would read all that it exports, and so load the client of `fetch`, which takes 7 MiB.
const { createServer, request } = process.getBuiltinModule('node:http')

/** Probe ports that are bound but do not answer for this model yet. Exactly one of its methods is called. */
export interface PreparedProbes {
  /** From now on they answer for the new model; ports that it does not name are closed. */
  commit(): void
  discard(): Promise<void>
}

/** Where a probe is sent on to. */
export type ProbeTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'http'; readonly host: string; readonly port: number; readonly path: string }

const loopback = '127.0.0.1'
const answerLimitMs = 10_000
/** Kubelet opens one connection at a time for each probe. */
const maxConnections = 64

/**
 * FSM's probe ports (its module `probes.js`): kubelet asks here, because the
 * application's own ports are behind the inbound listener.
 *
 * Only the status of the application is told, never its body or headers, and
 * only GET and HEAD go through: a caller chooses the loopback port in a header,
 * and must not come to read or change what is only for this pod.
 */
export class ProbeServers {
  #servers = new Map<string, Server>()
  #model: Model | null = null

  /** Where the ports are bound, as `host:port`. */
  get addresses(): readonly string[] {
    return [...this.#servers.values()].map((server) => {
      const bound = server.address()
      return bound && typeof bound === 'object' ? `${bound.address}:${bound.port}` : ''
    })
  }

  /** Binds what `model` names and is not bound yet. Rejects with one clear line; nothing has changed then. */
  async prepare(model: Model): Promise<PreparedProbes> {
    const wanted = new Map(model.probes.map((probe) => [placeOf(probe), probe]))
    const fresh = new Map<string, Server>()
    try {
      for (const [place, probe] of wanted) {
        if (!this.#servers.has(place)) fresh.set(place, await this.#bind(probe))
      }
    } catch (thrown) {
      await closeAll(fresh.values())
      throw thrown
    }
    return {
      commit: () => {
        this.#model = model
        for (const [place, server] of this.#servers) {
          if (wanted.has(place)) fresh.set(place, server)
          else void closeAll([server])
        }
        this.#servers = fresh
      },
      discard: () => closeAll(fresh.values()),
    }
  }

  /** Closes all ports and the connections to them. */
  close(): Promise<void> {
    return closeAll(this.#servers.values())
  }

  #bind(probe: Probe): Promise<Server> {
    const server = createServer((incoming, outgoing) => void this.#answer(incoming, outgoing))
    server.maxConnections = maxConnections
    return new Promise((resolve, reject) => {
      const { kind, host = loopback, port } = probe
      server.once('error', (error: NodeJS.ErrnoException) => {
        reject(new Error(`${kind} probe port ${address(host, port)}: ${bindFault(error)}`, { cause: error }))
      })
      server.listen(port, host, () => resolve(server))
    })
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const end = (status: number, why: string): void => {
      if (outgoing.destroyed) return
      outgoing.writeHead(status, { 'content-type': 'text/plain' })
      outgoing.end(`${why}\n`)
    }
    if (incoming.method !== 'GET' && incoming.method !== 'HEAD') return end(405, 'probes are GET or HEAD')
    const target = this.#model && probeTarget(incoming.headers, incoming.url ?? '/', this.#model)
    if (!target) return end(400, 'the Original- headers of this probe make no sense')
    const gone = new AbortController()
    outgoing.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(answerLimitMs)])
    try {
      end(await askTarget(target, incoming, signal), 'as the application answered')
    } catch {
      end(502, 'the application cannot be reached')
    }
  }
}

const placeOf = (probe: Probe): string => `${probe.host ?? loopback} ${probe.port}`

async function closeAll(servers: Iterable<Server>): Promise<void> {
  await Promise.all(
    [...servers].map((server) => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      return closed
    }),
  )
}

/**
 * Where a probe goes: to the port in `Original-Tcp-Port` or
 * `Original-Http-Port`; without them to the application behind the first plain
 * HTTP port, or to port 80. Null when a header is no port or path.
 */
export function probeTarget(headers: IncomingHttpHeaders, url: string, model: Model): ProbeTarget | null {
  const tcpPort = headers['original-tcp-port']
  if (tcpPort !== undefined) {
    const port = parsePort(tcpPort)
    return port === null ? null : { kind: 'tcp', host: loopback, port }
  }
  const path = headers['original-http-path'] ?? url
  if (typeof path !== 'string' || !isPath(path)) return null
  const httpPort = headers['original-http-port']
  if (httpPort !== undefined) {
    const port = parsePort(httpPort)
    return port === null ? null : { kind: 'http', host: loopback, port, path }
  }
  const { host, port } = applicationOf(model) ?? { host: loopback, port: 80 }
  return { kind: 'http', host, port, path }
}

/** RFC 9112 3.2.1: origin form; of printable ASCII only, as Node's client insists. */
const isPath = (text: string): boolean => /^\/[!-~]*$/.test(text)

function parsePort(text: string | string[]): number | null {
  if (typeof text !== 'string' || !/^\d{1,5}$/.test(text)) return null
  const port = Number(text)
  return port >= 1 && port <= 65_535 ? port : null
}

/** The endpoint behind the first plain HTTP port; null when there is none. */
function applicationOf(model: Model): Endpoint | null {
  const rules = model.inbound.ports.find((port) => port.protocol === 'http')?.http
  for (const cluster of rules ? clustersOf(rules) : []) {
    const [endpoint] = model.inbound.clusters[cluster]?.endpoints ?? []
    if (endpoint) return endpoint
  }
  return null
}

function* clustersOf(rules: HttpRules): Generator<string> {
  for (const entry of [...Object.values(rules.hosts), ...(rules.defaultHost ? [rules.defaultHost] : [])]) {
    for (const route of entry.service.routes) {
      for (const target of route.targets) yield target.cluster
    }
  }
}

/** Resolves with the status to answer with; rejects when nobody is there. */
function askTarget(target: ProbeTarget, incoming: IncomingMessage, signal: AbortSignal): Promise<number> {
  const { host, port } = target
  return new Promise((resolve, reject) => {
    if (target.kind === 'tcp') {
      const socket = connect({ host, port, signal }, () => {
        socket.destroy()
        resolve(200)
      })
      socket.once('error', reject)
      return
    }
    const { method } = incoming
    const headers = passedOn(incoming.headers)
    const asked = request(
      { host, port, path: target.path, method, headers, agent: false, signal },
      (answer) => {
        answer.destroy()
        resolve(answer.statusCode ?? 502)
      },
    )
    asked.once('error', reject)
    asked.end()
  })
}

const ownHeaders = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'expect',
  'original-http-port',
  'original-http-path',
])

/** RFC 9110 7.6.1: what concerns this connection, or the probe port alone, goes no further. */
function passedOn(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = (headers.connection ?? '').toLowerCase().split(',')
  const stripped = new Set([...ownHeaders, ...named.map((name) => name.trim())])
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !stripped.has(name)))
}

import { createServer, type Server } from 'node:net'
import type { Listener } from '../../chains/model.ts'

/** A listener that serves, and the port that it got. */
export interface ServedPort {
  readonly listener: Listener
  readonly port: number
}

/** Which ports a generation is to bind, in the order of its listeners, and which of them are new. */
export interface PortPlan {
  readonly ports: readonly number[]
  readonly fresh: readonly Listener[]
}

/**
 * Keeps the ports that are served already, so that a reload neither closes nor
 * moves them; a listener on port 0 keeps what the kernel gave it.
 */
export function planPorts(listeners: readonly Listener[], served: readonly ServedPort[]): PortPlan {
  const left = [...served]
  const fresh: Listener[] = []
  const ports = listeners.map((listener) => {
    const index = left.findIndex((candidate) => isSamePlace(candidate.listener, listener))
    const [found] = index < 0 ? [] : left.splice(index, 1)
    if (found) return found.port
    fresh.push(listener)
    return listener.port
  })
  return { ports, fresh }
}

const isSamePlace = (a: Listener, b: Listener): boolean =>
  a.host === b.host && a.port === b.port && (a.port !== 0 || a.direction === b.direction)

/**
 * Finds out whether nobody else has the ports, by binding them all for a
 * moment without sharing: workers share their ports (SO_REUSEPORT), which would
 * hide a second proxy. Rejects with one clear line.
 */
export async function probePorts(plan: PortPlan, served: readonly ServedPort[]): Promise<void> {
  const servers: Server[] = []
  try {
    for (const listener of plan.fresh) {
      if (listener.port === 0) continue
      const own = served.find((candidate) => candidate.port === listener.port)
      servers.push(await bind(listener, own ? `${own.listener.host}:${own.port}` : null))
    }
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

function bind(listener: Listener, own: string | null): Promise<Server> {
  // Whoever connects in this moment is told the same as a moment before: nobody is here.
  const server = createServer((socket) => socket.resetAndDestroy())
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const place = `${listener.direction} listener ${address(listener.host, listener.port)}`
      const hint = own && error.code === 'EADDRINUSE' ? ` by this sidecar's own listener ${own}` : ''
      reject(new Error(`${place}: ${bindFault(error)}${hint}`))
    })
    server.listen({ host: listener.host, port: listener.port, exclusive: true }, () => resolve(server))
  })
}

/** Why an address could not be bound, in words. */
export function bindFault(error: NodeJS.ErrnoException): string {
  const words: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the address is already in use',
    EADDRNOTAVAIL: 'this machine does not have that address',
    EACCES: 'no permission to listen there (ports below 1024 need a privilege)',
    ENOTFOUND: 'the host name is not known',
  }
  return words[error.code ?? ''] ?? error.message
}

/** `host:port`, IPv6 in brackets. */
export const address = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

import type { Server } from 'node:http'
import type { Log } from '../../chains/context.ts'
import type { Control } from './control.ts'
import { type Desk, serve } from './dispatch.ts'
import { type Door, isLoopbackAddress } from './guard.ts'
import type { Port } from './routes.ts'
import { type Scrape, sharedScrape } from './shared-scrape.ts'

// An import would read all that it exports, and so load the client of `fetch`, which takes 7 MiB.
const { createServer } = process.getBuiltinModule('node:http')

/** Where to listen; port 0 lets the kernel choose. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** What {@link startAdmin} is made with. */
export interface AdminOptions {
  /** Null for no such port. */
  readonly admin: Address | null
  readonly metrics: Address | null
  /** Bearer token for changes from beyond loopback; null refuses them all. */
  readonly token: string | null
  readonly control: Control
  readonly log: Log
}

/** The ports that were opened, as the kernel gave them. */
export interface AdminServers {
  readonly admin: Address | null
  readonly metrics: Address | null
  /** Stops listening; answers under way have half a second. */
  close(): Promise<void>
}

const maxConnections = 64
const maxHeadBytes = 16_384
const headMs = 5_000
const requestMs = 10_000
const silenceMs = 30_000
const keepAliveMs = 5_000
const answerMs = 10_000
const closeMs = 500

/**
 * Opens the admin port and the metrics port on this thread. Rejects with an
 * `Error` of one clear line if an address cannot be had; nothing is left open then.
 */
export async function startAdmin(options: AdminOptions): Promise<AdminServers> {
  const scrape = sharedScrape(() => options.control.metrics(), answerMs)
  const opened: Listening[] = []
  const close = async () => {
    await Promise.all(opened.map(({ server }) => closeServer(server)))
  }
  const open = async (port: Port): Promise<Address | null> => {
    const address = options[port]
    if (!address) return null
    const listening = await listen(port, address, options, scrape)
    opened.push(listening)
    return listening.address
  }
  try {
    return { admin: await open('admin'), metrics: await open('metrics'), close }
  } catch (error) {
    await close()
    throw error
  }
}

interface Listening {
  readonly server: Server
  readonly address: Address
}

async function listen(
  port: Port,
  address: Address,
  options: AdminOptions,
  scrape: Scrape,
): Promise<Listening> {
  const { control, log, token } = options
  // Nobody is trusted before it is known what was bound.
  let door: Door = { configuredHost: address.host, isLoopback: false, token }
  const desk: Desk = { port, control, scrape, log, door: () => door, answerMs, inFlight: new Map() }
  const server = createServer(
    {
      maxHeaderSize: maxHeadBytes,
      headersTimeout: headMs,
      requestTimeout: requestMs,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => void serve(desk, request, response),
  )
  server.maxConnections = maxConnections
  server.timeout = silenceMs
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(port, address, cause)))
    server.listen(address.port, address.host, resolve)
  })
  server.removeAllListeners('error')
  server.on('error', (error) => log.error('a fault of the admin listener', { port, error }))
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error(`--${port} is not a TCP address`)
  door = { ...door, isLoopback: isLoopbackAddress(bound.address) }
  return { server, address: { host: bound.address, port: bound.port } }
}

const listenFaults: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not use the port',
  ENOTFOUND: 'there is no such host',
}

function cannotListen(port: Port, { host, port: number }: Address, cause: NodeJS.ErrnoException): Error {
  const where = host.includes(':') ? `[${host}]:${number}` : `${host}:${number}`
  const reason = listenFaults[cause.code ?? ''] ?? cause.message
  return new Error(`cannot listen on ${where} for --${port}: ${reason}`, { cause })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), closeMs)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}

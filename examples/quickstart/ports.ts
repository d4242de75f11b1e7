import { createServer } from 'node:net'

/** Every port of the quickstart, under the name of the variable that the configs read it from. */
export const usualPorts = {
  SHOP_PORT: 8081,
  SHOP_INBOUND_PORT: 15_003,
  SHOP_OUTBOUND_PORT: 15_001,
  SHOP_ADMIN_PORT: 15_000,
  SHOP_METRICS_PORT: 15_010,
  STOCK_PORT: 8082,
  STOCK_INBOUND_PORT: 15_103,
  STOCK_ADMIN_PORT: 15_100,
  STOCK_METRICS_PORT: 15_110,
} as const

/** The name of a port of the quickstart. */
export type PortName = keyof typeof usualPorts

/** A port number for each name. */
export type Ports = Readonly<Record<PortName, number>>

/** Asks for free ports everywhere. */
export const anyPorts = Object.fromEntries(Object.keys(usualPorts).map((name) => [name, 0])) as Ports

/**
 * The `wanted` ports as far as they are free, and others in place of those that
 * are taken; `say` is told of each of these. A wanted port of 0 is any.
 */
export async function choosePorts(wanted: Ports, say: (line: string) => void): Promise<Ports> {
  const ports: Record<PortName, number> = { ...wanted }
  const chosen = new Set<number>()
  for (const name of Object.keys(wanted) as PortName[]) {
    const usual = wanted[name]
    let port = usual === 0 ? null : await tryPort(usual)
    while (port === null || chosen.has(port)) port = await tryPort(0)
    if (usual !== 0 && port !== usual) say(`port ${usual} (${name}) is taken: using ${port} in its place`)
    chosen.add(port)
    ports[name] = port
  }
  return ports
}

/** The port if it can be listened on (the kernel's choice for 0), or null. Rejects if the kernel has none left. */
async function tryPort(port: number): Promise<number | null> {
  const server = createServer()
  return await new Promise((resolve, reject) => {
    server.once('error', (error) => (port === 0 ? reject(error) : resolve(null)))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      const chosen = address && typeof address === 'object' ? address.port : null
      server.close(() => resolve(chosen))
    })
  })
}

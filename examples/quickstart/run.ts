/**
 * `npm start`: two applications, each with a sidecar of its own, calling each
 * other. Ctrl-C stops all of it. `--any-port` takes free ports only.
 */
import { anyPorts, choosePorts, type Ports, usualPorts } from './ports.ts'
import { startQuickstart } from './processes.ts'

process.exitCode = await main(process.argv.includes('--any-port') ? anyPorts : usualPorts)

async function main(wanted: Ports): Promise<number> {
  // Heard before anything is started, so that Ctrl-C at any time leaves nothing behind.
  const interrupt = new AbortController()
  const interrupted = new Promise<null>((resolve) => {
    interrupt.signal.addEventListener('abort', () => resolve(null))
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort())
  try {
    const ports = await choosePorts(wanted, print)
    const quickstart = await startQuickstart(ports, print, interrupt.signal)
    print(guide(ports))
    const failure = await Promise.race([quickstart.ended, interrupted])
    await quickstart.stop()
    print(failure ?? 'all stopped')
    return failure === null ? 0 : 1
  } catch (error) {
    if (interrupt.signal.aborted) return 0
    console.error(error instanceof Error ? error.message : error)
    return 1
  }
}

function print(line: string): void {
  console.log(line)
}

function guide(ports: Ports): string {
  const at = (port: number) => `127.0.0.1:${port}`
  return `
  client → ${at(ports.SHOP_INBOUND_PORT)} inbound chains of the shop's sidecar → shop ${at(ports.SHOP_PORT)}
  shop   → ${at(ports.SHOP_OUTBOUND_PORT)} outbound chains of the shop's sidecar
         → ${at(ports.STOCK_INBOUND_PORT)} inbound chains of the stock's sidecar → stock ${at(ports.STOCK_PORT)}

Try:
  curl http://${at(ports.SHOP_INBOUND_PORT)}/products
  curl -X POST 'http://${at(ports.SHOP_INBOUND_PORT)}/orders?item=tea&count=2'
  curl -i -H 'Host: stock' http://${at(ports.SHOP_OUTBOUND_PORT)}/items/kettles

Then look at:
  http://${at(ports.SHOP_ADMIN_PORT)}/chains     the four chains as they run (stock: ${at(ports.STOCK_ADMIN_PORT)})
  http://${at(ports.SHOP_METRICS_PORT)}/metrics    what they counted (stock: ${at(ports.STOCK_METRICS_PORT)})
  examples/quickstart/sidecar.yaml  set "requests: 1", save, and ask twice: the second answer is 429

Ctrl-C stops all.
`
}

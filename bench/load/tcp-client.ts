/**
 * `node tcp-client.ts SINK_PORT PROXY_PORT SECONDS`: listens on SINK_PORT as
 * the application, writes 64 KiB blocks through the proxy for SECONDS over four
 * connections, and prints how many bytes came through.
 */
import { connect, createServer, type Socket } from 'node:net'

const [sinkPort, proxyPort, seconds] = process.argv.slice(2).map(Number)
const connections = 4
const block = Buffer.alloc(65_536, 'x')
const scratch = Buffer.alloc(262_144)

let received = 0
let isOver = false
const sink = createServer({ pauseOnConnect: false })
sink.on('connection', (socket) => count(socket))
sink.listen(sinkPort, '127.0.0.1')
await new Promise((resolve) => sink.once('listening', resolve))

const clients = Array.from({ length: connections }, () => {
  const socket = connect({
    host: '127.0.0.1',
    port: proxyPort ?? 0,
    onread: { buffer: scratch, callback: () => true },
  })
  socket.once('connect', () => pump(socket))
  socket.on('error', (error) => {
    if (!isOver) throw error
  })
  return socket
})
setTimeout(
  () => {
    isOver = true
    console.log(received)
    for (const socket of clients) socket.destroy()
    sink.close()
    setTimeout(() => process.exit(0), 200)
  },
  (seconds ?? 1) * 1_000,
)

function count(socket: Socket): void {
  socket.on('data', (chunk) => {
    received += chunk.length
  })
  socket.on('error', () => {})
}

function pump(socket: Socket): void {
  const more = () => {
    while (!isOver && socket.write(block)) {
      // until the socket is full
    }
  }
  socket.on('drain', more)
  more()
}

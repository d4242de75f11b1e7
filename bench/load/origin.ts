/**
 * `node origin.ts PORT`: the application behind the proxies, where nginx is
 * missing, and always for large bodies. `GET /bytes/N` answers N bytes; a POST
 * is read to its end and answered with the count of its bytes; anything else
 * is answered with 100 bytes.
 */
import { createServer, type ServerResponse } from 'node:http'

const hundred = Buffer.alloc(100, 'x')
const block = Buffer.alloc(65_536, 'x')

const server = createServer((request, response) => {
  if (request.method === 'POST') {
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    request.on('end', () => response.end(String(bytes)))
    return
  }
  const length = /^\/bytes\/(\d+)$/.exec(request.url ?? '')?.[1]
  if (length) sendBytes(response, Number(length))
  else response.writeHead(200, { 'content-length': hundred.length }).end(hundred)
})
server.keepAliveTimeout = 600_000
server.listen(Number(process.argv[2]), '127.0.0.1')

function sendBytes(response: ServerResponse, length: number): void {
  let left = length
  response.writeHead(200, { 'content-length': length })
  const more = () => {
    while (left > 0) {
      const chunk = left < block.length ? block.subarray(0, left) : block
      left -= chunk.length
      if (!response.write(chunk)) return void response.once('drain', more)
    }
    response.end()
  }
  more()
}

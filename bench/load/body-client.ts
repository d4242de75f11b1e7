/**
 * `node body-client.ts PORT download|upload BYTES`: carries one large body and
 * prints how many bytes arrived at the other end.
 */
import { request } from 'node:http'

const [port, way, size] = process.argv.slice(2)
const bytes = Number(size)
const block = Buffer.alloc(65_536, 'x')
const isUpload = way === 'upload'

const sent = request({
  host: '127.0.0.1',
  port: Number(port),
  method: isUpload ? 'POST' : 'GET',
  path: isUpload ? '/' : `/bytes/${bytes}`,
  headers: isUpload ? { 'content-length': bytes } : {},
})
sent.once('response', (response) => {
  let received = 0
  let text = ''
  response.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (isUpload) text += chunk
  })
  response.once('end', () => console.log(isUpload ? text : String(received)))
})
if (isUpload) send(bytes)
else sent.end()

function send(left: number): void {
  let rest = left
  while (rest > 0) {
    const chunk = rest < block.length ? block.subarray(0, rest) : block
    rest -= chunk.length
    if (!sent.write(chunk)) return void sent.once('drain', () => send(rest))
  }
  sent.end()
}

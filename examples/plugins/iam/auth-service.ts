/** A small auth service: `GET /verify` answers 200 to the tokens that it knows, 401 to all others. */
import { createServer } from 'node:http'

const known = new Set(['let-me-in'])
const port = Number(process.env.PORT ?? 8099)

const server = createServer((request, response) => {
  const token = request.headers['x-access-token']
  const isKnown = request.url === '/verify' && typeof token === 'string' && known.has(token)
  response.writeHead(isKnown ? 200 : 401).end()
})
server.listen(port, '127.0.0.1', () => console.log(`auth service on ${JSON.stringify(server.address())}`))

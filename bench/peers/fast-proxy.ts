/** `node fast-proxy.ts PORT ORIGIN_PORT`: the npm package fast-proxy, with kept-alive upstream connections. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'

type FastProxy = (options: Readonly<Record<string, unknown>>) => {
  proxy(request: IncomingMessage, response: ServerResponse, url: string, options: object): void
}

const [port, originPort] = process.argv.slice(2).map(Number)
const require = createRequire(import.meta.url)
const { proxy } = (require('fast-proxy') as FastProxy)({ base: `http://127.0.0.1:${originPort}` })
createServer((request, response) => proxy(request, response, request.url ?? '/', {})).listen(
  port,
  '127.0.0.1',
)

/** `node http-proxy.ts PORT ORIGIN_PORT`: the npm package http-proxy, with kept-alive upstream connections. */
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'

interface HttpProxy {
  createProxyServer(options: Readonly<Record<string, unknown>>): {
    web(request: IncomingMessage, response: ServerResponse): void
    on(
      event: 'error',
      listener: (error: Error, request: IncomingMessage, response: ServerResponse) => void,
    ): void
  }
}

const [port, originPort] = process.argv.slice(2).map(Number)
const require = createRequire(import.meta.url)
const { createProxyServer } = require('http-proxy') as HttpProxy
const proxy = createProxyServer({
  target: `http://127.0.0.1:${originPort}`,
  agent: new Agent({ keepAlive: true, maxSockets: 128 }),
})
proxy.on('error', (_error, _request, response) => response.destroy())
createServer((request, response) => proxy.web(request, response)).listen(port, '127.0.0.1')

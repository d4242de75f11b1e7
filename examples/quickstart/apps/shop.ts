/**
 * The shop: sells what the stock has. `PORT` says where it listens, on
 * loopback; `OUTBOUND_PORT` is its sidecar's, and its only way to the stock.
 */
import { Agent, createServer, request as httpRequest, type ServerResponse } from 'node:http'

const prices: Readonly<Record<string, number>> = { tea: 4, cups: 9, kettles: 35 }
const agent = new Agent({ keepAlive: true })

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://shop')
  const isOrder = request.method === 'POST' && pathname === '/orders'
  const isList = request.method === 'GET' && pathname === '/products'
  const work = isList ? products() : isOrder ? order(searchParams) : notFound()
  work.then(
    ({ status, body }) => answer(response, status, body),
    (error: Error) => answer(response, 502, { error: `no answer from the stock: ${error.message}` }),
  )
})
server.listen(Number(process.env.PORT), '127.0.0.1')
process.once('SIGTERM', () => process.exit(0))

interface Answer {
  readonly status: number
  readonly body: unknown
}

async function products(): Promise<Answer> {
  const { status, body } = await askStock('GET', '/items')
  if (status !== 200) return { status: 502, body }
  const counts = Object.entries(body as Record<string, number>)
  return { status: 200, body: counts.map(([name, left]) => ({ name, price: prices[name] ?? null, left })) }
}

async function order(query: URLSearchParams): Promise<Answer> {
  const item = query.get('item') ?? ''
  const count = Number(query.get('count') ?? 1)
  const { status, body } = await askStock('POST', `/items/${encodeURIComponent(item)}?take=${count}`)
  if (status !== 200) return { status, body }
  return { status: 201, body: { item, count, total: count * (prices[item] ?? 0) } }
}

async function notFound(): Promise<Answer> {
  return { status: 404, body: { error: 'try GET /products or POST /orders?item=tea&count=2' } }
}

/** Asks the sidecar, which knows by the Host header where the stock is. */
function askStock(method: string, path: string): Promise<Answer> {
  const port = Number(process.env.OUTBOUND_PORT)
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ agent, host: '127.0.0.1', port, method, path, headers: { host: 'stock' } })
    sent.once('error', reject)
    sent.once('response', async (response) => {
      try {
        const text = (await response.toArray()).join('')
        const isJson = response.headers['content-type'] === 'application/json'
        resolve({
          status: response.statusCode ?? 0,
          body: isJson ? JSON.parse(text) : { error: text.trim() },
        })
      } catch (error) {
        reject(error)
      }
    })
    sent.end()
  })
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

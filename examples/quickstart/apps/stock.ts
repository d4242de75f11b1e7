/** The stock: how many of each item are there. `PORT` says where it listens, on loopback. */
import { createServer, type ServerResponse } from 'node:http'

const items = new Map([
  ['tea', 120],
  ['cups', 12],
  ['kettles', 3],
])

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://stock')
  const name = pathname.slice('/items/'.length)
  const count = items.get(name)
  if (request.method === 'GET' && pathname === '/items') answer(response, 200, Object.fromEntries(items))
  else if (count === undefined) answer(response, 404, { error: `there is no item ${name}` })
  else if (request.method === 'GET') answer(response, 200, { name, count })
  else if (request.method === 'POST') take(response, name, count, Number(searchParams.get('take')))
  else answer(response, 405, { error: 'GET or POST' })
})
server.listen(Number(process.env.PORT), '127.0.0.1')
process.once('SIGTERM', () => process.exit(0))

function take(response: ServerResponse, name: string, count: number, taken: number): void {
  if (!Number.isInteger(taken) || taken < 1) {
    answer(response, 400, { error: 'take is a whole number' })
  } else if (taken > count) {
    answer(response, 409, { error: `only ${count} of ${name} are left` })
  } else {
    items.set(name, count - taken)
    answer(response, 200, { name, count: count - taken })
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

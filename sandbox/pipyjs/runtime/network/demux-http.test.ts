import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'tap'
import { ProxyError } from '../../../../chains/failures.ts'
import { assertNothingLeft, eventually } from '../../../../test/support/nothing-left.ts'
import { answerWith, ok, RawUpstream, rawClient } from '../../../../test/support/raw.ts'
import { bench } from '../testing/bench.ts'
import { frontOf } from './testing/front.ts'
import { realNetwork } from './testing/real-network.ts'

const nowhere = () => Promise.reject(new ProxyError('NO_ENDPOINT', 'nothing is behind'))

/** Asks over HTTP, as a client of Node does. */
function get(port: number, path: string, body = '', agent?: Agent): Promise<[status: number, text: string]> {
  return new Promise((resolve, reject) => {
    const options = { port, path, method: body ? 'POST' : 'GET', agent: agent ?? false }
    const asked = request(options, async (response: IncomingMessage) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve([response.statusCode ?? 0, text])
    })
    asked.once('error', reject)
    asked.end(body)
  })
}

test('requests on a raw connection are answered by pipelines of their own, in order', async (t) => {
  await using _left = assertNothingLeft(t)
  using network = realNetwork()
  const script = `
    pipy({ _count: 0, _path: '' }).pipeline()
    .onStart(() => void (_count = 7))
    .demuxHTTP().to($ => $
      .handleMessageStart(({ head }) => void (_path = head.path, _count++))
      .replaceMessage(request => new Message(
        { status: 201, headers: { 'x-count': String(_count) } }, _path + ' ' + request.body
      ))
    )`
  using b = bench(script, { network })
  await using front = await frontOf(b.tcp(nowhere))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let count = 0; count < 5; count += 1) {
    t.same(await get(front.port, `/${count}`, 'abc', agent), [201, `/${count} abc`])
  }
  agent.destroy()
  const client = await rawClient(front.port)
  const one = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
  client.send(one('/a') + one('/b') + one('/c'))
  client.end()
  await client.until(() => client.ending !== null, 'all is answered')
  t.match(String(client.received), /\/a .*x-count: 8.*\/b .*x-count: 8.*\/c /s)
  await client[Symbol.asyncDispose]()
  await eventually(() => b.plugin.usage().exchanges === 0, 'nothing is left in the plugin')
})

test('requests of a raw connection go to an HTTP upstream and back', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(({ body }) => ok(`got ${body}`)))
  using network = realNetwork()
  const script = `
    pipy().pipeline().demuxHTTP().to($ => $
      .handleMessageStart(({ head }) => void (head.headers['x-seen'] = 'yes'))
      .muxHTTP().to($ => $.connect('127.0.0.1:${upstream.port}')))`
  using b = bench(script, { network, connect: ['127.0.0.1:*'] })
  await using front = await frontOf(b.tcp(nowhere))
  const agent = new Agent({ keepAlive: true })
  const body = 'x'.repeat(3_000_000)
  t.same(await get(front.port, '/1', body, agent), [200, `got ${body}`])
  t.same(await get(front.port, '/2', '', agent), [200, 'got '])
  t.equal(upstream.connections.length, 1)
  t.match(String(upstream.connections[0]?.received), /x-seen: yes/)
  agent.destroy()
})

test('the rest of a raw chain can be what requests go to', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(ok('behind')))
  using network = realNetwork()
  const script = `pipy().pipeline().demuxHTTP().to($ => $.muxHTTP().to($ => $.chain()))`
  using b = bench(script, { network })
  const target = { host: '127.0.0.1', port: upstream.port }
  const chain = b.tcp((_stream, cx) => network.connect(cx, target, { connectMs: 0, idleMs: 0 }))
  await using front = await frontOf(chain)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.same(await get(front.port, '/1', '', agent), [200, 'behind'])
  t.same(await get(front.port, '/2', 'abc', agent), [200, 'behind'])
  agent.destroy()
})

test('a script that fails at one request fails that one alone', async (t) => {
  await using _left = assertNothingLeft(t)
  using network = realNetwork()
  const script = `
    pipy().pipeline().serveHTTP(request => {
      if (request.head.path === '/bad') throw new Error('no')
      return new Message('hello ' + request.head.path)
    })`
  using b = bench(script, { network })
  await using front = await frontOf(b.tcp(nowhere))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.same(await get(front.port, '/a', '', agent), [200, 'hello /a'])
  t.equal((await get(front.port, '/bad', '', agent))[0], 503)
  t.same(await get(front.port, '/b', '', agent), [200, 'hello /b'])
  agent.destroy()
})

test('what is no request ends the connection, and a client that leaves ends its requests', async (t) => {
  await using _left = assertNothingLeft(t)
  const server = createServer(() => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  using network = realNetwork()
  const script = `
    pipy().pipeline().demuxHTTP().to($ => $.muxHTTP().to($ => $.connect('127.0.0.1:${port}')))`
  using b = bench(script, { network, connect: ['127.0.0.1:*'] })
  await using front = await frontOf(b.tcp(nowhere))
  const bad = await rawClient(front.port)
  bad.send('what is this\r\n\r\n')
  await bad.until(() => bad.ending !== null, 'it is closed')
  await bad[Symbol.asyncDispose]()
  const leaving = await rawClient(front.port)
  leaving.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(server, 'request')
  leaving.socket.resetAndDestroy()
  await eventually(() => b.plugin.usage().exchanges === 0, 'nothing is left in the plugin')
  server.closeAllConnections()
  server.close()
})

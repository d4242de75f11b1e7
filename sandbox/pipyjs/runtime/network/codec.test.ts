import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import { testRequest } from '../../../../chains/policy/testing.ts'
import { assertNothingLeft } from '../../../../test/support/nothing-left.ts'
import { answerWith, deadPort, ok, RawUpstream, rawClient } from '../../../../test/support/raw.ts'
import { ask, bench, echo } from '../testing/bench.ts'
import { frontOf } from './testing/front.ts'
import { realNetwork } from './testing/real-network.ts'

const nowhere = () => Promise.reject(new ProxyError('NO_ENDPOINT', 'nothing is behind'))

test('a request is bytes on the way to its upstream, and its answer is a message again', async (t) => {
  await using _left = assertNothingLeft(t)
  await using upstream = await RawUpstream.listen(answerWith(({ body }) => ok(`got ${body}`, 'X-Yes: 1')))
  using network = realNetwork()
  const script = `
    pipy().pipeline()
    .encodeHTTPRequest()
    .connect('127.0.0.1:${upstream.port}')
    .decodeHTTPResponse()`
  using b = bench(script, { network, connect: ['127.0.0.1:*'] })
  const body = 'x'.repeat(200_000)
  const put = await ask(b.http(echo), testRequest({ method: 'PUT', path: '/p', body: Body.of(body) }))
  t.equal(put.text, `got ${body}`)
  t.equal(put.response.headers.get('x-yes'), '1')
  t.match(String(upstream.connections[0]?.received), /^PUT \/p HTTP\/1\.1\r\nHost: shop\.example\r\n/)
  t.equal((await ask(b.http(echo), testRequest())).text, 'got ')
})

test('a stream that fails before the answer decodes to an answer', async (t) => {
  using network = realNetwork()
  const script = `
    pipy().pipeline().encodeHTTPRequest().connect('127.0.0.1:${await deadPort()}').decodeHTTPResponse()`
  using b = bench(script, { network, connect: ['127.0.0.1:*'] })
  const { response } = await ask(b.http(echo), testRequest())
  t.match(response, { status: 502, reason: 'Connection Refused' })
})

test('requests are decoded one after the other, and answers encoded', async (t) => {
  await using _left = assertNothingLeft(t)
  using network = realNetwork()
  const script = `
    pipy().pipeline()
    .decodeHTTPRequest()
    .replaceMessage(request => new Message(request.head.path + ' ' + request.body))
    .encodeHTTPResponse()`
  using b = bench(script, { network })
  await using front = await frontOf(b.tcp(nowhere))
  const client = await rawClient(front.port)
  client.send('PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: x\r\n\r\n')
  client.end()
  await client.until(() => client.ending !== null, 'all is answered')
  t.match(client.text, /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n\/a abcHTTP\/1\.1 200 OK\r\n.*\r\n\r\n\/b $/is)
  await client[Symbol.asyncDispose]()
  const bad = await rawClient(front.port)
  bad.send('what is this\r\n\r\n')
  await bad.until(() => bad.ending !== null, 'it is closed')
  await bad[Symbol.asyncDispose]()
})

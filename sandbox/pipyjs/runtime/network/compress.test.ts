import { brotliDecompressSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib'
import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { localResponse } from '../../../../chains/http.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { assertNothingLeft, eventually } from '../../../../test/support/nothing-left.ts'
import { type Bench, bench, handBody } from '../testing/bench.ts'

const words = 'over and over again '.repeat(10_000)

/** Asks, and gives the bytes of the answer. */
async function bytesOf(b: Bench, accepts: string, fields: string[] = [], body = Body.of(words)) {
  const headers = new HeaderList(['Host', 'x', 'Accept-Encoding', accepts])
  const cx = testContext()
  const answer = () => localResponse(200, new HeaderList([...fields]), body)
  try {
    const response = await b.http(async () => answer()).run(testRequest({ headers }), cx)
    const bytes = (await response.body?.buffer(1 << 24)) ?? Buffer.alloc(0)
    return { coding: response.headers.get('content-encoding'), response, bytes }
  } finally {
    cx.finish(testOutcome())
  }
}

test('an answer is packed as its client accepts', async (t) => {
  await using _left = assertNothingLeft(t)
  using b = bench('pipy().pipeline().chain().compressHTTP()')
  const unpack = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync } as const
  for (const [accepts, coding] of [
    ['gzip, br', 'gzip'],
    ['br;q=1.0, gzip;q=0', 'br'],
    ['deflate', 'deflate'],
    ['*', 'gzip'],
  ] as const) {
    const answer = await bytesOf(b, accepts, ['ETag', '"1"'])
    t.equal(answer.coding, coding)
    t.ok(answer.bytes.length < 2_000, `${answer.bytes.length} bytes`)
    t.equal(String(unpack[coding](answer.bytes)), words)
    t.equal(answer.response.headers.get('vary'), 'accept-encoding')
    t.equal(answer.response.headers.get('etag'), 'W/"1"')
  }
})

test('what is not accepted, packed already, or not to be changed stays as it is', async (t) => {
  using b = bench(`pipy().pipeline().chain().compressHTTP({ method: 'gzip' })`)
  for (const [accepts, ...fields] of [
    ['br'],
    ['identity, gzip;q=0.0'],
    ['gzip', 'Content-Encoding', 'zstd'],
    ['gzip', 'Cache-Control', 'public, no-transform'],
    ['gzip', 'Content-Range', 'bytes 0-1/2'],
  ] as [string, ...string[]][]) {
    const answer = await bytesOf(b, accepts, fields)
    t.equal(String(answer.bytes), words, accepts)
  }
  t.throws(() => bench(`pipy().pipeline().compressHTTP({ method: 'rar' })`), {
    message: /'gzip', 'deflate' or 'br'/,
  })
})

test('a packed answer is unpacked for the script, and a broken one fails', async (t) => {
  await using _left = assertNothingLeft(t)
  using b = bench('pipy().pipeline().chain().decompressHTTP().handleData(() => {})')
  const packed = gzipSync(words)
  const field = ['Content-Encoding', 'gzip']
  const whole = await bytesOf(b, '', field, Body.of(packed))
  t.equal(String(whole.bytes), words)
  t.equal(whole.coding, undefined)
  await t.rejects(bytesOf(b, '', field, Body.of('no gzip at all')), { code: 'UPSTREAM_INVALID' })
  await t.rejects(bytesOf(b, '', field, Body.of(packed.subarray(0, 100))), { code: 'UPSTREAM_INVALID' })
})

test('a bomb is unpacked no faster than it is read, and no further than may be held', async (t) => {
  await using _left = assertNothingLeft(t)
  using b = bench('pipy().pipeline().chain().decompressHTTP().replaceMessageBody(data => data)')
  const bomb = gzipSync(Buffer.alloc(1 << 26))
  await t.rejects(bytesOf(b, '', ['Content-Encoding', 'gzip'], Body.of(bomb)), { code: 'PLUGIN_OVER_LIMIT' })
})

test('a client that leaves lets go of the body behind', async (t) => {
  await using _left = assertNothingLeft(t)
  using b = bench('pipy().pipeline().chain().compressHTTP()')
  const hand = handBody()
  const headers = new HeaderList(['Host', 'x', 'Accept-Encoding', 'gzip'])
  const cx = testContext()
  const upstream = async () => localResponse(200, new HeaderList(), hand.body)
  const response = await b.http(upstream).run(testRequest({ headers }), cx)
  response.body?.open({ write: () => true, end: () => t.fail('it ends'), fail: () => t.fail('it fails') })
  await eventually(() => hand.sink() !== null, 'the body is opened')
  response.body?.cancel(new ProxyError('CLIENT_GONE', 'left'))
  await eventually(() => hand.cancelled() !== null, 'it is cancelled')
  cx.finish(testOutcome())
})

import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { manualClock } from '../../../chains/policy/testing.ts'
import { Application } from '../../../test/support/application.ts'
import { assertNothingLeft, eventually } from '../../../test/support/nothing-left.ts'
import { deadPort } from '../../../test/support/raw.ts'
import { type CallResult, status } from '../contract.ts'
import { GrpcServer, type ServedCall, type Started, start } from './testing.ts'

const shop = Buffer.from('shop')

function idOf(result: CallResult): number {
  if ('id' in result) return result.id
  throw new Error(`refused with ${result.status}`)
}

function unary(
  { calls }: Started,
  message: string,
  upstream: Uint8Array = shop,
  timeoutMs = 2_000,
): CallResult {
  return calls.grpcCall(
    upstream,
    'shop.Stock',
    'Count',
    ['x-tenant', 'é', 'TE', 'x'],
    Buffer.from(message),
    timeoutMs,
  )
}

/** Envoy's `GrpcService` with an `envoy_grpc` of that cluster. */
function serviceBytes(cluster: string): Buffer {
  const name = Buffer.from(cluster)
  return Buffer.concat([Buffer.from([0x0a, name.length + 2, 0x0a, name.length]), name])
}

/** Answers each message with itself, or as the message says. */
function obey(call: ServedCall, message: string): void {
  const [word, rest = ''] = message.split(' ')
  if (word === 'fail') call.end(5, 'not in stock: ä')
  else if (word === 'http') call.stream.respond({ ':status': 503 }, { endStream: true })
  else if (word === 'reset') call.stream.close(Number(rest))
  else if (word === 'cut') call.stream.session?.destroy()
  else if (word === 'large') call.send('x'.repeat(Number(rest)))
  else if (word === 'echo') {
    call.send(rest)
    call.end(0)
  } else if (word === 'part') call.send(rest)
  else if (word === 'done') call.end(0)
}

test('a unary call brings its message and nothing else, by name and by Envoy’s message', async (t) => {
  await using _left = assertNothingLeft(t)
  const seen: ServedCall[] = []
  await using server = await GrpcServer.start((call, message) => {
    seen.push(call)
    obey(call, message)
  })
  using started = start({
    clusters: { shop: [server.port], 'a/b|80': [server.port] },
    connect: ['127.0.0.1:*'],
  })
  const address = `127.0.0.1:${server.port}`
  const ups = [
    shop,
    serviceBytes('shop'),
    serviceBytes('a/b|80'),
    Buffer.from(address),
    serviceBytes(address),
  ]
  for (const upstream of ups) {
    const id = idOf(unary(started, 'echo hello', upstream))
    const [first] = await started.toldOf(id)
    t.equal(first?.what, 'grpcMessage')
    t.equal(String(first?.rest[0]), 'hello')
  }
  await sleep(20)
  t.equal(started.told.length, ups.length)
  t.equal(seen[0]?.path, '/shop.Stock/Count')
  t.match(seen[0]?.headers, { ':authority': 'shop', te: 'trailers', 'content-type': 'application/grpc' })
  t.match(seen[0]?.headers, { 'x-tenant': 'é', 'grpc-timeout': '2000m' })
  t.same(
    seen.map(({ headers }) => headers[':authority']),
    ['shop', 'shop', address, address, address],
  )
  t.equal(server.sessions, 3, 'a session for each endpoint')
  await eventually(() => seen.every(({ stream }) => stream.closed), 'all streams are closed')
  t.ok(
    seen.every(({ stream }) => stream.rstCode === 0),
    'a call that went well is not reset',
  )
})

test('a unary call that fails is closed with the status that says why', async (t) => {
  await using _left = assertNothingLeft(t)
  await using server = await GrpcServer.start(obey)
  await using plain = await Application.start('http')
  const clusters = { shop: [server.port], dead: [await deadPort()], plain: [plain.port], empty: [] }
  using started = start({ clusters, limits: { bufferKiB: 1 } })
  const failing: [string, string, number, RegExp][] = [
    ['shop', 'fail', 5, /^not in stock: ä$/],
    ['shop', 'http', 14, /503/],
    ['shop', 'reset 7', 14, /reset/],
    ['shop', 'reset 8', 1, /reset/],
    ['shop', 'reset 2', 13, /reset/],
    ['shop', 'large 2000', 8, /2000 bytes is over the 1024/],
    ['shop', 'done', 13, /no message/],
    ['shop', 'cut', 14, /./],
    ['shop', 'silent', 4, /100 ms/],
    ['dead', 'echo', 14, /REFUSED/],
    ['plain', 'echo', 14, /./],
    ['empty', 'echo', 14, /no endpoint/],
  ]
  for (const [cluster, message, code, text] of failing) {
    const [first] = await started.toldOf(idOf(unary(started, message, Buffer.from(cluster), 100)))
    t.match(first, { what: 'grpcClosed', rest: [code, text] }, `${cluster} ${message}`)
  }
  await sleep(20)
  t.equal(started.told.length, failing.length)
})

test('a stream brings metadata, messages, trailing metadata and its end, in order', async (t) => {
  await using _left = assertNothingLeft(t)
  await using server = await GrpcServer.start(obey)
  using started = start({ clusters: { shop: [server.port] } })
  const id = idOf(started.calls.grpcStream(shop, 'shop.Stock', 'Watch', []))
  t.equal(
    started.calls.grpcSend(id, Buffer.from('part one'), false),
    status.ok,
    'before the connection stands',
  )
  await started.toldOf(id, 2)
  t.equal(started.calls.grpcSend(id, Buffer.from('part two'), false), status.ok)
  await started.toldOf(id, 3)
  t.equal(started.calls.grpcSend(id, Buffer.from('done'), true), status.ok)
  t.equal(started.calls.grpcSend(id, Buffer.from('more'), true), status.badArgument, 'after the last')
  const told = await started.toldOf(id, 5)
  t.match(told, [
    {
      what: 'grpcInitialMetadata',
      rest: [[':status', '200', 'content-type', 'application/grpc', 'x-head', 'here']],
    },
    { what: 'grpcMessage', rest: [Buffer.from('one')] },
    { what: 'grpcMessage', rest: [Buffer.from('two')] },
    { what: 'grpcTrailingMetadata', rest: [['grpc-status', '0']] },
    { what: 'grpcClosed', rest: [0, ''] },
  ])
  t.equal(started.calls.grpcSend(id, shop, false), status.notFound)
  const failed = idOf(started.calls.grpcStream(shop, 'shop.Stock', 'Watch', []))
  started.calls.grpcSend(failed, Buffer.from('fail'), false)
  const whats = (await started.toldOf(failed, 3)).map(({ what }) => what)
  t.same(whats, ['grpcInitialMetadata', 'grpcTrailingMetadata', 'grpcClosed'])
})

test('a large message passes both ways, and no more waits to be sent than may be held', async (t) => {
  await using _left = assertNothingLeft(t)
  await using server = await GrpcServer.start(obey)
  using started = start({ clusters: { shop: [server.port] } })
  const id = idOf(unary(started, `echo ${'y'.repeat(1_000_000)}`))
  const [first] = await started.toldOf(id)
  t.equal(String(first?.rest[0]).length, 1_000_000)
  const stream = idOf(started.calls.grpcStream(shop, 'shop.Stock', 'Watch', []))
  const half = Buffer.alloc(600 * 1_024, 'x')
  t.equal(started.calls.grpcSend(stream, half, false), status.ok)
  t.equal(started.calls.grpcSend(stream, half, false), status.badArgument)
  t.same(unary(started, 'x'.repeat(1_048_577)), { status: status.internalFailure })
})

test('what cannot be called is refused at once', (t) => {
  using started = start({ clusters: { shop: [1] } })
  const { calls } = started
  t.same(unary(started, '', Buffer.from('nobody')), { status: status.parseFailure })
  t.same(unary(started, '', serviceBytes('nobody')), { status: status.parseFailure })
  t.same(unary(started, '', Buffer.from([0x0a, 0xff, 0xff, 0xff])), { status: status.parseFailure })
  t.same(unary(started, '', Buffer.from('127.0.0.1:1')), { status: status.parseFailure }, 'not granted')
  t.same(unary(started, '', shop, -1), { status: status.internalFailure })
  t.same(calls.grpcStream(shop, 'a b', 'c', []), { status: status.internalFailure })
  t.same(calls.grpcStream(shop, 'a', 'c', ['x', 'a\nb']), { status: status.internalFailure })
  const id = idOf(unary(started, 'x'))
  t.equal(calls.grpcSend(id, shop, false), status.badArgument, 'a unary call takes no more')
  t.equal(calls.grpcSend(999, shop, false), status.notFound)
  t.equal(calls.grpcEnd(999), status.notFound)
  t.equal(calls.grpcEnd(id), status.ok)
  t.equal(calls.grpcEnd(id), status.notFound)
  t.end()
})

test('nothing is told of a call that was cancelled, and its stream is reset', async (t) => {
  await using _left = assertNothingLeft(t)
  const seen: ServedCall[] = []
  await using server = await GrpcServer.start((call) => void seen.push(call))
  using started = start({ clusters: { shop: [server.port] } })
  const ids = [idOf(unary(started, 'x')), idOf(started.calls.grpcStream(shop, 'shop.Stock', 'Watch', []))]
  started.calls.grpcSend(ids[1] as number, Buffer.from('x'), false)
  await eventually(() => seen.length === 2, 'both calls are there')
  for (const id of ids) t.equal(started.calls.grpcEnd(id), status.ok)
  await eventually(() => seen.every(({ stream }) => stream.closed), 'both streams are closed')
  t.same(started.told, [])
  const early = idOf(unary(started, 'never sent'))
  started.calls.grpcEnd(early)
  await sleep(30)
  t.same(started.told, [])
  t.equal(seen.length, 2)
})

test('two hundred calls share one session, which ends with the plugin', async (t) => {
  await using _left = assertNothingLeft(t)
  await using server = await GrpcServer.start(obey)
  using started = start({ clusters: { shop: [server.port] } })
  const ids = Array.from({ length: 200 }, (_, at) => idOf(unary(started, `echo ${at}`)))
  const bodies = await Promise.all(ids.map(async (id) => String((await started.toldOf(id))[0]?.rest[0])))
  t.same(
    bodies,
    ids.map((_, at) => String(at)),
  )
  t.equal(server.sessions, 1)
  const silent = idOf(unary(started, 'silent'))
  const open = idOf(started.calls.grpcStream(shop, 'shop.Stock', 'Watch', []))
  await sleep(20)
  started.calls[Symbol.dispose]()
  await eventually(() => server.open === 0, 'the session is gone')
  t.same(
    started.told.filter(({ id }) => id === silent || id === open),
    [],
  )
  t.same(unary(started, 'x'), { status: status.internalFailure })
})

test('a session ends when it is idle for long, and when the upstream retires it, once its calls are over', async (t) => {
  await using _left = assertNothingLeft(t)
  await using server = await GrpcServer.start(obey)
  const clock = manualClock()
  using started = start({ clusters: { shop: [server.port] }, clock })
  await started.toldOf(idOf(unary(started, 'echo one')))
  clock.advance(29_000)
  await started.toldOf(idOf(unary(started, 'echo two')))
  clock.advance(29_000)
  await sleep(20)
  t.equal(server.open, 1)
  await eventually(() => clock.waiting === 1, 'the session waits for its end')
  clock.advance(2_000)
  await eventually(() => server.open === 0, 'the idle session is gone')
  const stream = idOf(started.calls.grpcStream(shop, 'shop.Stock', 'Watch', []))
  started.calls.grpcSend(stream, Buffer.from('part one'), false)
  await started.toldOf(stream, 2)
  server.retire()
  await sleep(20)
  await started.toldOf(idOf(unary(started, 'echo three')))
  t.equal(server.sessions, 3)
  started.calls.grpcSend(stream, Buffer.from('done'), true)
  t.match((await started.toldOf(stream, 4))[3], { what: 'grpcClosed', rest: [0] })
  await eventually(() => server.open === 1, 'the retired session is gone')
})

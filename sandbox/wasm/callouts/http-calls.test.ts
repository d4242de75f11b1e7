import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { assertNothingLeft, eventually } from '../../../test/support/nothing-left.ts'
import { deadPort, RawUpstream } from '../../../test/support/raw.ts'
import { type CallResult, status } from '../contract.ts'
import { type Started, start, type Told } from './testing.ts'

const get = [':method', 'GET', ':path', '/x', ':authority', 'auth']
const nothing = new Uint8Array()

const ask = ({ calls }: Started, upstream = 'auth', headers = get, timeoutMs = 2_000): CallResult =>
  calls.http(upstream, headers, nothing, [], timeoutMs)

function idOf(result: CallResult): number {
  if ('id' in result) return result.id
  throw new Error(`refused with ${result.status}`)
}

interface Answered {
  readonly headers: readonly string[]
  readonly body: Buffer
  readonly trailers: readonly string[]
}

const answerOf = (told: readonly Told[]): Answered => told[0]?.rest[0] as Answered

test('an answer comes once, later, and whole: status, fields in lower case, body, trailers', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('auth', ({ body }, response) => {
    response.writeHead(201, { 'X-Who': 'me', Trailer: 'X-Sum' })
    response.write(`got ${body}`)
    response.addTrailers({ 'X-Sum': '7' })
    response.end()
  })
  using started = start({ clusters: { auth: [application.port] } })
  const headers = [
    ':method',
    'POST',
    ':path',
    '/check?a=b',
    ':authority',
    'shop:80',
    'X-One',
    'a',
    'x-one',
    'b',
  ]
  const body = Buffer.from('hello')
  const id = idOf(started.calls.http('auth', headers, body, [], 1_000))
  body.fill(0)
  t.same(started.told, [], 'nothing is told inside the call that asks')
  const answer = answerOf(await started.toldOf(id))
  t.equal(answer.body.toString(), 'got hello')
  t.same(answer.headers.slice(0, 4), [':status', '201', 'x-who', 'me'])
  t.same(answer.trailers, ['x-sum', '7'])
  t.same(started.told[0]?.rest[1], { code: 0, message: '' })
  const [seen] = application.seen
  t.equal(seen?.path, '/check?a=b')
  t.same(seen?.rawHeaders, ['Host', 'shop:80', 'X-One', 'a', 'x-one', 'b', 'Content-Length', '5'])
  await sleep(50)
  t.equal(started.told.length, 1)
})

test('framing is never sent as a guest gives it', async (t) => {
  await using application = await Application.start('auth')
  using started = start({ clusters: { auth: [application.port] } })
  const fields = ['Content-Length', '99', 'transfer-encoding', 'chunked', 'host', 'evil', 'connection', 'x-a']
  const id = idOf(
    ask(started, 'auth', [...get, ...fields, 'TE', 'x', 'upgrade', 'h2c', ':scheme', 'http', 'x-a', '1']),
  )
  await started.toldOf(id)
  t.same(application.seen[0]?.rawHeaders, ['Host', 'auth', 'x-a', '1'])
})

test('what cannot be sent is refused at once', async (t) => {
  using started = start({ clusters: { auth: [1] }, connect: ['127.0.0.1:9'] })
  const refused: [string, readonly string[], number, string][] = [
    ['auth', [':method', 'GET', ':path', '/'], 0, 'no authority'],
    ['auth', [':method', 'GET', ':authority', 'a'], 0, 'no path'],
    ['auth', [':method-x', 'GET', ':path', '/', ':authority', 'a'], 0, 'no method, but something like it'],
    ['auth', [':method', 'CONNECT', ':path', 'a:1', ':authority', 'a'], 0, 'a tunnel'],
    [
      'auth',
      [':method', 'GET', ':path', '/ HTTP/1.1\r\nx: y', ':authority', 'a'],
      0,
      'a path that breaks the line',
    ],
    ['auth', [...get, 'x', 'a\r\nb: c'], 0, 'a value that breaks the line'],
    ['auth', [...get, 'a b', 'c'], 0, 'a name that is none'],
    ['auth', get, -1, 'a negative time limit'],
    ['auth', get, 0xffff_ffff, 'one that was read without its sign'],
    ['nobody', get, 0, 'an unknown cluster'],
    ['127.0.0.1:10', get, 0, 'a target that is not granted'],
    ['toString', get, 0, 'a name of the language'],
  ]
  for (const [upstream, headers, timeoutMs, name] of refused) {
    t.same(ask(started, upstream, [...headers], timeoutMs), { status: status.badArgument }, name)
  }
  await sleep(20)
  t.same(started.told, [])
})

test('a target that is granted is reached by its address, with an empty authority too', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('auth')
  using started = start({ connect: [`127.0.0.1:${application.port}`] })
  const headers = [':method', 'GET', ':path', '/', ':authority', '']
  const answer = answerOf(await started.toldOf(idOf(ask(started, application.address, headers))))
  t.equal(answer.body.toString(), 'auth')
})

test('endpoints of a cluster take turns, and one that refuses is passed over', async (t) => {
  await using _left = assertNothingLeft(t)
  await using one = await Application.start('one')
  await using two = await Application.start('two')
  using started = start({ clusters: { auth: [one.port, await deadPort(), two.port] } })
  const ids = Array.from({ length: 6 }, () => idOf(ask(started)))
  const bodies = await Promise.all(ids.map(async (id) => answerOf(await started.toldOf(id)).body.toString()))
  t.same([...new Set(bodies)].sort(), ['one', 'two'])
})

test('a refused connection, a reset and an answer that is too large are failures with a reason', async (t) => {
  await using _left = assertNothingLeft(t)
  await using broken = await RawUpstream.listen(async (connection) => {
    await connection.nextRequest()
    connection.reset()
  })
  await using large = await Application.start(
    'large',
    (_request, response) => void response.end('x'.repeat(2_000)),
  )
  const dead = await deadPort()
  using started = start({
    clusters: { dead: [dead], broken: [broken.port], large: [large.port], empty: [] },
    limits: { bufferKiB: 1 },
  })
  for (const name of ['dead', 'broken', 'large', 'empty']) {
    const id = idOf(ask(started, name))
    const [done] = await started.toldOf(id)
    t.equal(done?.rest[0], null, name)
    t.match(done?.rest[1], { code: 11, message: /^reset: ./ }, name)
  }
  await sleep(20)
  t.equal(started.told.length, 4)
})

test('a silent target fails in time, and its late answer is dropped', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('slow', async (_request, response) => {
    await sleep(500)
    response.end('late')
  })
  using started = start({ clusters: { auth: [application.port] }, limits: { pauseMs: 60 } })
  for (const timeoutMs of [40, 0, 100_000]) {
    const startedAt = performance.now()
    const [done] = await started.toldOf(idOf(ask(started, 'auth', get, timeoutMs)))
    t.equal(done?.rest[0], null)
    t.ok(performance.now() - startedAt < 400, `${timeoutMs} ms are kept, within what the policy allows`)
  }
  await sleep(600)
  t.equal(started.told.length, 3)
})

test('a large body goes out and a large answer comes back', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('echo', ({ body }, response) => void response.end(body))
  using started = start({ clusters: { auth: [application.port] } })
  const body = Buffer.alloc(1_000_000, 'abcdefg')
  const headers = [':method', 'PUT', ':path', '/', ':authority', 'a']
  const answer = answerOf(await started.toldOf(idOf(started.calls.http('auth', headers, body, [], 0))))
  t.ok(answer.body.equals(body))
})

test('two hundred calls at once are each answered once, and there are no more than the bound', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('many', ({ path }, response) => void response.end(path))
  using started = start({ clusters: { auth: [application.port] } })
  const ids = Array.from({ length: 200 }, (_, at) =>
    idOf(ask(started, 'auth', [':method', 'GET', ':path', `/${at}`, ':authority', 'a'], 10_000)),
  )
  const answers = await Promise.all(ids.map(async (id) => answerOf(await started.toldOf(id)).body.toString()))
  t.same(
    answers,
    ids.map((_, at) => `/${at}`),
  )
  t.equal(started.told.length, 200)
  for (let at = 0; at < 256; at++) idOf(ask(started))
  t.same(ask(started), { status: status.internalFailure })
})

test('nothing is told after the end, and every connection is let go', async (t) => {
  await using _left = assertNothingLeft(t)
  await using silent = await RawUpstream.listen(async (connection) => {
    await connection.nextRequest()
  })
  using started = start({ clusters: { auth: [silent.port] } })
  for (let at = 0; at < 5; at++) ask(started)
  await eventually(() => silent.connections.length === 5, 'all calls are on their way')
  started.calls[Symbol.dispose]()
  await eventually(
    () => silent.connections.every(({ ending }) => ending !== null),
    'all connections are gone',
  )
  t.same(started.told, [])
  t.same(ask(started), { status: status.internalFailure })
})

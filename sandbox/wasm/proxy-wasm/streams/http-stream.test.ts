import { test } from 'tap'
import { Body, type BodySink, type BodySource } from '../../../../chains/body.ts'
import { ProxyError } from '../../../../chains/failures.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { localResponse } from '../../../../chains/http.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { pause } from '../../../plugin/testing/bench.ts'
import { slowBody } from '../../../plugin/testing/kit.ts'
import { askThrough, loadGuest, type Script, scriptedGuest } from '../../testing/ask.ts'
import { data } from '../../testing/guests.ts'
import { openLoader } from '../../testing/loader.ts'

const all: Script = Object.fromEntries(
  [
    ...['context_create', 'request_headers', 'request_body', 'request_trailers'],
    ...['response_headers', 'response_body', 'response_trailers', 'done', 'log', 'delete'],
  ].map((name) => [name, '']),
)
/** What was logged, without the prefix of the plugin, the root context's own callback and the sizes of its configuration. */
const said = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/^.*?((?:[a-z_]+ \d+ \d)|of .*)$/, '$1')).slice(1)

const local = (status: number, body = true): string =>
  `(call $status (call $answer (i32.const ${status}) (i32.const 0) (i32.const 0) (i32.const 208)
    (i32.const ${body ? 15 : 0}) (i32.const 240) (i32.const 25) (i32.const -1)))`

test('a stream is created, seen, done, logged and deleted, each once and in order', async (t) => {
  using loader = openLoader()
  const { ask, lines, plugin } = loadGuest(loader, scriptedGuest(all))
  await ask()
  const order = ['context_create 1 0', 'request_headers 4 1', 'response_headers 3 0', 'response_body 15 0']
  t.strictSame(said(lines), [...order, 'response_body 0 1', 'done 0 0', 'log 0 0', 'delete 0 0'])
  const cx = testContext({ protocol: 'http' })
  lines.length = 1
  const never = ask({}, () => new Promise(() => {}), cx)
  void never
  await pause(5)
  cx.finish(testOutcome({ status: 0, error: new ProxyError('CLIENT_GONE', 'left') }))
  t.strictSame(said(lines).slice(-3), ['done 0 0', 'log 0 0', 'delete 0 0'])
  t.equal(plugin.usage().exchanges, 0)
  plugin[Symbol.dispose]()
})

/** A body of these pieces, with trailers behind it. */
const withTrailers = (...pieces: string[]): Body =>
  new Body(
    {
      open: (sink) => {
        for (const piece of pieces) sink.write(Buffer.from(piece))
        sink.end(new HeaderList(['X-T', '1']))
      },
      resume() {},
      cancel() {},
    },
    null,
  )

test('trailers come behind the last piece, and what a guest makes of them goes on', async (t) => {
  using loader = openLoader()
  const add = (map: number) =>
    `(call $status (call $add (i32.const ${map}) (i32.const 16) (i32.const 8) (i32.const 32) (i32.const 4)))`
  const script = { request_body: '', request_trailers: add(1), response_trailers: add(3) }
  const { ask, lines, plugin } = loadGuest(loader, scriptedGuest(script))
  await ask({ method: 'POST', body: withTrailers('Hello') })
  t.match(lines.join(), /request_body 5 0.*request_trailers 1 0.*status 0 0/)
  const response = await plugin.http('inbound-http')?.(testRequest(), testContext(), async () =>
    localResponse(200, new HeaderList(), withTrailers()),
  )
  const trailers = await response?.body?.pipeTo({ write: () => true, end: () => {} })
  t.strictSame(trailers?.fields, ['X-T', '1', 'x-plugin', 'seen'])
})

test('a body that is held is seen whole each time, and goes on at once', async (t) => {
  using loader = openLoader()
  const hold = '(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))'
  const { ask, lines } = loadGuest(loader, scriptedGuest({ request_headers: '', request_body: hold }))
  const { sent } = await ask({ method: 'POST', body: slowBody(['abcd', 'efgh', 'ijkl']) })
  t.strictSame(said(lines), [
    'request_body 4 0',
    'request_body 8 0',
    'request_body 12 0',
    'request_body 12 1',
  ])
  t.equal(sent?.body, 'abcdefghijkl')
  lines.length = 1
  await ask({ method: 'POST', body: slowBody([]) })
  t.strictSame(said(lines), ['request_headers 4 0', 'request_body 0 1'])
})

test('a body that is not held passes piece by piece, no faster than it is read', async (t) => {
  using loader = openLoader()
  const { plugin, lines, failures } = loadGuest(loader, scriptedGuest({ response_body: '' }))
  const piece = Buffer.alloc(65_536, 'x')
  let given = 0
  const pieces = 160
  const body = new Body(new PacedSource(() => (given++ < pieces ? piece : null)), null)
  const response = await plugin.http('inbound-http')?.(testRequest(), testContext(), async () =>
    localResponse(200, new HeaderList(), body),
  )
  let bytes = 0
  let most = 0
  await response?.body?.pipeTo({
    write: (read) => {
      bytes += read.length
      most = Math.max(most, given * piece.length - bytes)
      setImmediate(() => response.body?.resume())
      return false
    },
    end: () => {},
  })
  t.equal(bytes, pieces * piece.length)
  t.ok(most <= piece.length, `${most} bytes were on their way at once`)
  t.equal(lines.filter((line) => line.includes('response_body 65536 0')).length, pieces)
  t.strictSame(failures, [])
})

/** Gives pieces until it is told to stop, and none after the last. */
class PacedSource implements BodySource {
  readonly #next: () => Uint8Array | null
  #sink: BodySink | null = null

  constructor(next: () => Uint8Array | null) {
    this.#next = next
  }

  open(sink: BodySink): void {
    this.#sink = sink
    this.resume()
  }

  resume(): void {
    for (;;) {
      const piece = this.#sink && this.#next()
      if (!piece) break
      if (!this.#sink?.write(piece)) return
    }
    const sink = this.#sink
    this.#sink = null
    sink?.end(null)
  }

  cancel(): void {
    this.#sink = null
  }
}

test('more than may be held is too much of a client, and a failure with an answer', async (t) => {
  using loader = openLoader()
  const script = { ...all, request_body: '(return (i32.const 1))', response_body: '(return (i32.const 1))' }
  const { ask, lines, failures } = loadGuest(loader, scriptedGuest(script))
  const long = () => slowBody(Array.from({ length: 8 }, () => 'x'.repeat(4_096)))
  t.equal((await ask({ method: 'POST', body: long() })).text, '!BODY_TOO_LARGE')
  t.equal(
    lines.filter((line) => line.includes('request_body')).length,
    4,
    'and it is not called for the rest',
  )
  t.strictSame(said(lines).slice(-3), ['done 0 0', 'log 0 0', 'delete 0 0'])
  t.strictSame(failures, [])
  const { text } = await ask({}, async () => localResponse(200, new HeaderList(), long()))
  t.equal(text, '!PLUGIN_OVER_LIMIT')
  t.match(failures, [/^limit: /])
})

test('a local answer takes the place of the upstream, and passes the guest’s own callbacks', async (t) => {
  using loader = openLoader()
  const { ask, lines } = loadGuest(loader, scriptedGuest({ ...all, request_headers: local(403) }))
  const { status, headers, text, sent } = await ask()
  t.strictSame(
    [status, headers.fields, text, sent],
    [403, ['x-plugin', 'own', 'content-type', 'text/plain'], 'short and stout', null],
  )
  t.match(said(lines).join(), /status 0 0,response_headers 4 0,response_body 15 0,response_body 0 1,done/)
  const empty = loadGuest(loader, scriptedGuest({ request_headers: local(204, false) }))
  t.match(await empty.ask(), { status: 204, text: '' })
})

test('a status that is none is refused, and so is an answer when it is too late', async (t) => {
  using loader = openLoader()
  const { ask, lines } = loadGuest(loader, scriptedGuest({ request_headers: local(1_000), log: local(200) }))
  t.match(await ask(), { status: 200, text: 'you asked for /' })
  t.strictSame(
    lines.filter((line) => line.includes('status')).map((line) => line.slice(-10)),
    ['status 2 0', 'status 2 0'].map((line) => line.slice(-10)),
  )
})

test('an answer in the response callback replaces that of the upstream', async (t) => {
  using loader = openLoader()
  const { ask, lines } = loadGuest(
    loader,
    scriptedGuest({ response_headers: local(403, false), response_body: '' }),
  )
  const { status, headers, text } = await ask({}, async () =>
    localResponse(406, new HeaderList(['x-from', 'upstream']), Body.of('no')),
  )
  t.strictSame([status, headers.fields, text], [403, ['x-plugin', 'own'], ''])
  t.notMatch(lines.join(), /response_body/)
})

test('the second of three plugins answers: requests stop there, the answer passes all that were called', async (t) => {
  using loader = openLoader()
  const plugins = [{ ...all }, { ...all, request_headers: local(401) }, { ...all }].map((script, index) =>
    loadGuest(loader, scriptedGuest(script), {}, `p${index}`),
  )
  const { status, text, sent } = await askThrough(plugins.map(({ plugin }) => plugin))
  t.strictSame([status, text, sent], [401, 'short and stout', null])
  const [first = '', second = '', third = ''] = plugins.map(({ lines }) => lines.join())
  for (const line of [first, second]) t.match(line, /request_headers.*response_headers.*log/)
  t.notMatch(third, /request_headers/)
})

test('what is held ends by its time, at the guest’s word, or with the client, and is strongest for unknown numbers', async (t) => {
  using loader = openLoader()
  const held = loadGuest(loader, scriptedGuest({ ...all, request_headers: '(return (i32.const 99))' }))
  const { text, sent } = await held.ask({ method: 'POST', body: slowBody(['x']) })
  t.strictSame([text, sent], ['!PLUGIN_OVER_LIMIT', null])
  t.match(held.failures, [/^pause: /])
  t.notMatch(held.lines.join(), /request_body/)
  const inside = loadGuest(
    loader,
    scriptedGuest({ request_headers: '(drop (call $continue (i32.const 0))) (return (i32.const 1))' }),
  )
  t.equal((await inside.ask()).status, 200)
  t.strictSame(inside.failures, [])
})

test('a stream is continued from a tick, by its number', async (t) => {
  using loader = openLoader()
  const script = {
    configure: '(drop (call $tick (i32.const 20)))',
    request_headers: '(global.set $held (local.get $id)) (return (i32.const 1))',
    tick: `(if (global.get $held) (then
      (call $status (call $choose (i32.const 9999)))
      (call $status (call $choose (global.get $held)))
      (call $status (call $continue (i32.const 0)))
      (global.set $held (i32.const 0))))`,
  }
  const more = '(global $held (mut i32) (i32.const 0))'
  const { ask, lines, plugin } = loadGuest(loader, scriptedGuest(script, more))
  t.equal((await ask()).status, 200)
  t.match(lines.join(), /status 2 0.*status 0 0.*status 0 0/)
  plugin[Symbol.dispose]()
})

test('an instance that dies ends what waits for it at once, and a fresh one serves the next exchange', async (t) => {
  using loader = openLoader()
  const script = {
    request_headers: `(if (call $isPath (i32.const 160) (i32.const 4)) (then unreachable))
    (if (call $isPath (i32.const 144) (i32.const 7)) (then (return (i32.const 1))))`,
  }
  const loaded = loadGuest(loader, scriptedGuest(script))
  const neighbour = loadGuest(loader, scriptedGuest(script), {}, 'neighbour')
  const begun = performance.now()
  const waiting = [loaded.ask({ path: '/answer' }), neighbour.ask({ path: '/answer' })]
  t.equal((await loaded.ask({ path: '/bad' })).text, '!PLUGIN_THREW')
  t.strictSame(
    (await Promise.all(waiting)).map(({ text }) => text),
    ['!PLUGIN_THREW', '!PLUGIN_THREW'],
  )
  t.ok(performance.now() - begun < 250, 'long before the pause is over')
  t.strictSame([(await loaded.ask()).status, (await neighbour.ask()).status], [200, 200])
  t.strictSame([loaded.restarts, neighbour.restarts], [1, 1])
})

test('what one plugin sets on an exchange, a later one reads, and nobody in another', async (t) => {
  using loader = openLoader()
  const texts = data(600, 'a\0b') + data(620, 'of the first')
  const set =
    '(call $status (call $setProperty (i32.const 600) (i32.const 3) (i32.const 620) (i32.const 12)))'
  const get =
    '(call $status (call $property (i32.const 600) (i32.const 3) (i32.const 128) (i32.const 132))) (call $show)'
  const first = loadGuest(loader, scriptedGuest({ request_headers: set }, texts))
  const second = loadGuest(loader, scriptedGuest({ request_headers: get }, texts), {}, 'second')
  await askThrough([first.plugin, second.plugin])
  t.match(second.lines.join(), /status 0 0.*of the first/)
  second.lines.length = 0
  await second.ask()
  t.match(second.lines.join(), /status 1 0/)
})

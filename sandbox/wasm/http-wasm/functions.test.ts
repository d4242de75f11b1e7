import { test } from 'tap'
import { Body } from '../../../chains/body.ts'
import { ProxyError } from '../../../chains/failures.ts'
import { HeaderList } from '../../../chains/headers.ts'
import type { HttpRequest } from '../../../chains/http.ts'
import { testContext, testResponse } from '../../../chains/policy/testing.ts'
import { streamPair, textOf } from '../../plugin/testing/kit.ts'
import { bodyOf } from './bodies.ts'
import { guestModule, tryModule } from './testing.ts'

/** Writes what is at 0, as long as $n says, into the answer's body, and a bar behind it. */
const say = (texts: { of(text: string): string }) =>
  `(call $write (i32.const 1) (i32.const 0) (local.get $n)) (call $write (i32.const 1) ${texts.of('|')})`

test('a guest reads what there is to know of a request', async (t) => {
  const module = guestModule((texts) => ({
    request: `
      ${['get_method', 'get_uri', 'get_protocol_version', 'get_source_addr', 'get_config']
        .map((name) => `(local.set $n (call $${name} (i32.const 0) (i32.const 1024))) ${say(texts)}`)
        .join('\n')}
      (i64.const 0)`,
  }))
  using tried = tryModule(module, { configuration: Buffer.from('{"a":1}') })
  const { status, text, sent } = await tried.ask({ method: 'PUT', path: '/a?b=%20' })
  t.equal(text, 'PUT|/a?b=%20|HTTP/1.1|192.0.2.7:40000|{"a":1}|')
  t.strictSame([status, sent.length], [200, 0])
  t.match(await tried.ask({ version: '2' }), { text: /HTTP\/2\.0/ })
  t.match(await tried.ask({ version: '1.0' }), { text: /HTTP\/1\.0/ })
  const cx = testContext()
  Object.assign(cx.peer, { remoteAddress: '2001:db8::1', remotePort: 7 })
  t.match(await tried.ask({}, undefined, cx), { text: /\|\[2001:db8::1\]:7\|/ })
})

test('what does not fit is not written, and its length is told', async (t) => {
  const module = guestModule((texts) => ({
    request: `
      (i32.store (i32.const 0) (i32.const 0x2e2e2e2e))
      (local.set $n (call $get_uri (i32.const 0) (i32.const 2)))
      ${say(texts)}
      (local.set $w (call $values (i32.const 0) ${texts.of('X-A')} (i32.const 0) (i32.const 5)))
      (i32.store8 (i32.const 4) (i32.add (i32.const 48) (call $low (local.get $w))))
      (i32.store8 (i32.const 5) (i32.add (i32.const 48) (call $high (local.get $w))))
      (local.set $n (i32.const 6)) ${say(texts)}
      (i64.const 0)`,
  }))
  using tried = tryModule(module)
  const headers = new HeaderList(['Host', 'a', 'x-a', '12', 'X-A', '345'])
  t.equal((await tried.ask({ path: '/123', headers })).text, '....|....72|')
})

test('names are lower-case and once each, values are all of them, byte for byte', async (t) => {
  const module = guestModule((texts) => ({
    request: `
      (local.set $n (call $low (call $names (i32.const 0) (i32.const 0) (i32.const 1024)))) ${say(texts)}
      (local.set $n (call $low (call $values (i32.const 0) ${texts.of('X-TWICE')} (i32.const 0) (i32.const 99))))
      ${say(texts)}
      (local.set $n (call $low (call $values (i32.const 0) ${texts.of('none')} (i32.const 0) (i32.const 99))))
      ${say(texts)}
      (i64.const 0)`,
  }))
  using tried = tryModule(module)
  const headers = new HeaderList(['Host', 'a', 'X-Twice', '1', 'x-twice', 'b', 'Accept', '*/*'])
  t.equal((await tried.ask({ headers })).text, 'host\0x-twice\0accept\0|1\0b\0||')
})

test('a guest changes the request, and next gets it so', async (t) => {
  const module = guestModule((texts) => ({
    request: `
      (call $set_method ${texts.of('PATCH')})
      (call $set_uri ${texts.of('/new?q')})
      (call $set (i32.const 0) ${texts.of('X-Set')} ${texts.of('\u00e9')})
      (call $set (i32.const 0) ${texts.of('x-twice')} ${texts.of('one')})
      (call $add (i32.const 0) ${texts.of('x-add')} ${texts.of('1')})
      (call $add (i32.const 0) ${texts.of('x-add')} ${texts.of('2')})
      (call $remove (i32.const 0) ${texts.of('X-Gone')})
      (call $write (i32.const 0) ${texts.of('new ')})
      (call $write (i32.const 0) ${texts.of('body')})
      (i64.const 1)`,
  }))
  using tried = tryModule(module)
  const headers = new HeaderList(['Host', 'a', 'X-Twice', '1', 'x-twice', '2', 'x-gone', '1', 'x-gone', '2'])
  const { sent, text } = await tried.ask({ method: 'POST', path: '/old', headers, body: Body.of('old') })
  t.match(sent, [{ method: 'PATCH', path: '/new?q', body: 'new body' }])
  t.strictSame(sent[0]?.fields, [
    'Host',
    'a',
    'X-Twice',
    'one',
    'X-Set',
    '\u00e9',
    'x-add',
    '1',
    'x-add',
    '2',
  ])
  t.equal(text, 'you asked for /new?q')
})

test('framing is not the guest’s, and a request has one host', async (t) => {
  const module = guestModule((texts) => ({
    request: `
      ${['Content-Length', 'transfer-encoding', 'Connection', 'upgrade', 'TE']
        .map((name) => `(call $set (i32.const 0) ${texts.of(name)} ${texts.of('5')})`)
        .join('\n')}
      (call $remove (i32.const 0) ${texts.of('content-length')})
      (call $add (i32.const 0) ${texts.of('HOST')} ${texts.of('b:80')})
      (i64.const 1)`,
  }))
  using tried = tryModule(module)
  const { sent } = await tried.ask({ headers: new HeaderList(['Host', 'a']) })
  t.strictSame(sent[0]?.fields, ['Host', 'b:80'])
})

test('a guest answers by itself', async (t) => {
  const module = guestModule((texts) => ({
    request: `
      (call $set_status (i32.const 418))
      (call $set (i32.const 1) ${texts.of('x-own')} ${texts.of('yes')})
      (call $set (i32.const 1) ${texts.of('content-length')} ${texts.of('1')})
      (call $write (i32.const 1) ${texts.of('short and ')})
      (call $write (i32.const 1) ${texts.of('stout')})
      (drop (call $enable (i32.const 4)))
      (call $set (i32.const 3) ${texts.of('x-sum')} ${texts.of('1')})
      (i64.const 0)`,
    response: 'unreachable',
  }))
  using tried = tryModule(module)
  const { status, fields, text, trailers, sent } = await tried.ask()
  t.strictSame([status, fields, text, trailers], [418, ['x-own', 'yes'], 'short and stout', ['x-sum', '1']])
  t.strictSame([sent, tried.plugin.usage().exchanges], [[], 0])
})

test('what a guest sets on the answer before next stands beside the upstream’s', async (t) => {
  const module = guestModule((texts) => ({
    request: `(call $set (i32.const 1) ${texts.of('vary')} ${texts.of('origin')}) (i64.const 1)`,
  }))
  using tried = tryModule(module)
  const { fields } = await tried.ask({}, async () => testResponse(200, ['Vary', 'accept']))
  t.strictSame(fields, ['Vary', 'accept', 'vary', 'origin'])
})

test('a request body is read in pieces and goes on, and so does what stands behind it', async (t) => {
  const module = guestModule((texts) => ({
    reads: true,
    start: '(drop (call $enable (i32.const 5)))',
    request: `
      (loop $more
        (local.set $w (call $read (i32.const 0) (i32.const 0) (i32.const 4)))
        (local.set $n (call $low (local.get $w)))
        (call $add (i32.const 0) ${texts.of('x-piece')} (i32.const 0) (local.get $n))
        (br_if $more (i32.eqz (call $high (local.get $w)))))
      (local.set $n (call $low (call $values (i32.const 2) ${texts.of('x-sum')} (i32.const 0) (i32.const 9))))
      (call $set (i32.const 2) ${texts.of('x-more')} (i32.const 0) (i32.sub (local.get $n) (i32.const 1)))
      (i64.const 1)`,
    response: `(drop (call $read (i32.const 0) (i32.const 0) (i32.const 4)))`,
  }))
  using tried = tryModule(module)
  const body = bodyOf(Buffer.from('0123456789'), new HeaderList(['X-Sum', '45']))
  const { sent } = await tried.ask({ method: 'POST', body })
  t.strictSame(sent[0]?.fields.slice(2), ['x-piece', '0123', 'x-piece', '4567', 'x-piece', '89'])
  t.match(sent, [{ body: '0123456789', trailers: ['X-Sum', '45', 'x-more', '45'] }])
  t.strictSame(tried.told.failures, [])
})

test('trailers can be set where no body is held', async (t) => {
  const module = guestModule((texts) => ({
    start: '(drop (call $enable (i32.const 4)))',
    request: `(call $set (i32.const 2) ${texts.of('x-a')} ${texts.of('1')})
      (call $set (i32.const 3) ${texts.of('x-b')} ${texts.of('2')})
      (i64.const 1)`,
  }))
  using tried = tryModule(module)
  const { sent, trailers, text } = await tried.ask({ method: 'POST', body: Body.of('it') })
  t.match(sent, [{ body: 'it', trailers: ['x-a', '1'] }])
  t.strictSame([text, trailers], ['you asked for /', ['x-b', '2']])
})

test('an answer that is held can be read and changed', async (t) => {
  const module = guestModule((texts) => ({
    reads: true,
    start: '(drop (call $enable (i32.const 6)))',
    request: '(i64.const 0x700000001)',
    response: `
      (if (i32.ne (local.get $context) (i32.const 7)) (then unreachable))
      (if (i32.ne (call $get_status) (i32.const 201)) (then unreachable))
      (local.set $w (call $read (i32.const 1) (i32.const 0) (i32.const 100)))
      (call $set_status (i32.const 202))
      (call $remove (i32.const 1) ${texts.of('x-from')})
      (call $set (i32.const 1) ${texts.of('x-new')} ${texts.of('1')})
      (call $write (i32.const 1) ${texts.of('was: ')})
      (call $write (i32.const 1) (i32.const 0) (call $low (local.get $w)))
      (call $add (i32.const 3) ${texts.of('x-t')} ${texts.of('2')})`,
  }))
  using tried = tryModule(module)
  const upstream = async () => testResponse(201, ['X-From', 'there'], Body.of('this'))
  const { status, fields, text, trailers } = await tried.ask({}, upstream)
  t.strictSame([status, fields, text, trailers], [202, ['x-new', '1'], 'was: this', ['x-t', '2']])
  t.strictSame(tried.told.failures, [])
})

test('features say what is on, and can be turned on in a request', async (t) => {
  const module = guestModule((texts) => ({
    start: '(if (i32.ne (call $enable (i32.const 0x81)) (i32.const 1)) (then unreachable))',
    request: `(if (i32.ne (call $enable (i32.const 2)) (i32.const 3)) (then unreachable)) (i64.const 1)`,
    response: `(call $set_status (i32.const 203)) (call $write (i32.const 1) ${texts.of('')})`,
  }))
  using tried = tryModule(module)
  for (let round = 0; round < 2; round += 1) t.match(await tried.ask(), { status: 203, text: '' })
  t.strictSame(tried.told.failures, [])
})

test('a guest logs by level, and through its standard output line by line', async (t) => {
  const module = guestModule((texts) => ({
    imports: `(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))`,
    request: `
      ${[-1, 0, 1, 2, 3].map((level) => `(call $log (i32.const ${level}) ${texts.of('said')})`).join('\n')}
      (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 4))
      (i32.store (i32.const 16) (i32.const 0x620a6161))
      (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
      (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i64.or (i64.const 1) (i64.extend_i32_u (i32.shl (call $log_enabled (i32.const 3)) (i32.const 1))))`,
  }))
  using tried = tryModule(module)
  t.equal((await tried.ask()).status, 200)
  const said = ['debug said', 'info said', 'warn said', 'error said']
  t.strictSame(tried.told.lines, [...said, 'error aa', 'error baa', 'error b'])
})

test('a guest is told that there is no answer, and may give one', async (t) => {
  const failing = async () => {
    throw new ProxyError('CONNECT_REFUSED', 'nobody there')
  }
  const look = '(if (i32.eqz (local.get $error)) (then unreachable))'
  using silent = tryModule(guestModule(() => ({ response: look })))
  t.equal((await silent.ask({}, failing)).text, '!CONNECT_REFUSED')
  const answer = (texts: { of(text: string): string }) => ({
    start: '(drop (call $enable (i32.const 2)))',
    response: `${look} (if (i32.ne (call $get_status) (i32.const 502)) (then unreachable))
      (call $set_status (i32.const 504)) (call $write (i32.const 1) ${texts.of('sorry')})`,
  })
  using kind = tryModule(guestModule(answer))
  t.match(await kind.ask({}, failing), { status: 504, text: 'sorry' })
  t.strictSame([silent.told.failures, kind.told.failures], [[], []])
})

test('a switched connection is shown as a head, and goes when the guest fails', async (t) => {
  for (const [code, isKept] of [
    ['', true],
    ['(call $set_status (i32.const 200))', false],
  ] as const) {
    const module = guestModule((texts) => ({
      start: '(drop (call $enable (i32.const 2)))',
      response: `(call $set (i32.const 1) ${texts.of('x-seen')} ${texts.of('1')}) ${code}`,
    }))
    using tried = tryModule(module)
    const [end, other] = streamPair()
    const heard = textOf(other.readable)
    const switched = { ...testResponse(101), upgrade: 'websocket', tunnel: end }
    const { status, fields } = await tried.ask({ upgrade: 'websocket' }, async () => switched)
    t.strictSame([status, fields], isKept ? [101, ['x-seen', '1']] : [0, []])
    if (isKept) end.destroy()
    t.equal(await heard, isKept ? '' : '!PLUGIN_THREW')
  }
})

test('a guest sees the environment of its manifest', async (t) => {
  const module = guestModule(() => ({
    imports: `(import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))`,
    request: `(drop (call $environ (i32.const 0) (i32.const 64)))
      (call $write (i32.const 1) (i32.const 64) (i32.const 7)) (i64.const 0)`,
  }))
  using tried = tryModule(module, { environment: { ROOM: 'ab' } })
  t.equal((await tried.ask()).text, 'ROOM=ab')
})

test('a client that waits to send its body has been told to, and the upstream need not be asked', async (t) => {
  using tried = tryModule(guestModule(() => ({ reads: true })))
  let expects: boolean | null = null
  const upstream = async (request: HttpRequest) => {
    expects = request.expectsContinue
    return testResponse(200)
  }
  await tried.ask({ method: 'POST', body: Body.of('now'), expectsContinue: true }, upstream)
  t.equal(expects, false)
})

import { test } from 'tap'
import { Body } from '../../../chains/body.ts'
import { HeaderList } from '../../../chains/headers.ts'
import { testResponse } from '../../../chains/policy/testing.ts'
import { slowBody } from '../../plugin/testing/kit.ts'
import { type GuestText, guestModule, metered, type Texts, tryModule } from './testing.ts'

type Make = (texts: Texts) => GuestText

const wrongRequests: readonly (readonly [name: string, code: (texts: Texts) => string, reason: RegExp])[] = [
  ['an empty method', () => '(call $set_method (i32.const 0) (i32.const 0))', /"" cannot be a method/],
  ['a method with a space', (texts) => `(call $set_method ${texts.of('GET /')})`, /cannot be a method/],
  [
    'a method that is CONNECT',
    (texts) => `(call $set_method ${texts.of('CONNECT')})`,
    /GET cannot become CONNECT/,
  ],
  ['a URI with a line end', (texts) => `(call $set_uri ${texts.of('/a\r\nb')})`, /cannot be a URI/],
  ['a URI with a space', (texts) => `(call $set_uri ${texts.of('/a HTTP/1.1')})`, /cannot be a URI/],
  ['an absolute URI', (texts) => `(call $set_uri ${texts.of('http://b/')})`, /begins with a slash/],
  [
    'an asterisk for another method',
    (texts) =>
      `(call $set_method ${texts.of('OPTIONS')}) (call $set_uri ${texts.of('*')}) (call $set_method ${texts.of('GET')})`,
    /GET cannot ask for \*/,
  ],
  [
    'a host with a path',
    (texts) => `(call $set (i32.const 0) ${texts.of('host')} ${texts.of('a/b')})`,
    /host/,
  ],
  ['no host', (texts) => `(call $remove (i32.const 0) ${texts.of('Host')})`, /without host/],
  ['a header without a name', () => '(call $remove (i32.const 0) (i32.const 0) (i32.const 0))', /empty/],
  [
    'a header with a line end',
    (texts) => `(call $set (i32.const 0) ${texts.of('x')} ${texts.of('1\r\nb: 2')})`,
    /may not/,
  ],
  [
    'a name with a colon',
    (texts) => `(call $add (i32.const 0) ${texts.of('x:')} ${texts.of('1')})`,
    /not a header name/,
  ],
  [
    'headers of kind 4',
    (texts) => `(call $remove (i32.const 4) ${texts.of('a')})`,
    /4 is no kind of headers/,
  ],
  [
    'a body of kind 2',
    () => '(call $write (i32.const 2) (i32.const 0) (i32.const 0))',
    /2 is no kind of body/,
  ],
  [
    'trailers without the feature',
    (texts) => `(call $set (i32.const 2) ${texts.of('a')} ${texts.of('b')})`,
    /unless that feature/,
  ],
  [
    'a read into no bytes',
    () => '(drop (call $read (i32.const 0) (i32.const 0) (i32.const 0)))',
    /into no bytes/,
  ],
  ['a status of 99', () => '(call $set_status (i32.const 99))', /99 is no status/],
  [
    'an address outside of the memory',
    () => '(call $write (i32.const 1) (i32.const 131071) (i32.const 2))',
    /a body is at 131071 with 2 bytes; the memory has 131072/,
  ],
  [
    'a negative length',
    () => '(call $set_uri (i32.const 0) (i32.const -1))',
    /a URI is at 0 with 4294967295/,
  ],
  [
    'a place outside of the memory',
    () => '(drop (call $get_uri (i32.const -1) (i32.const 9)))',
    /the place for the URI/,
  ],
]

test('what a guest may not do with a request ends its instance, and nothing is sent', async (t) => {
  for (const [name, code, reason] of wrongRequests) {
    using tried = tryModule(
      guestModule((texts) => ({ reads: true, request: `${code(texts)} (i64.const 1)` })),
    )
    const { text, sent } = await tried.ask()
    t.strictSame([text, sent], ['!PLUGIN_THREW', []], name)
    t.match(tried.told.failures, [{ kind: 'exception', message: reason }], name)
    await tried.ask()
    t.equal(tried.told.restarts, 1, name)
  }
})

test('after next the request is over, and an answer that is not held is not the guest’s', async (t) => {
  const codes = [
    (texts: Texts) => `(call $set_method ${texts.of('PUT')})`,
    (texts: Texts) => `(call $set_uri ${texts.of('/x')})`,
    (texts: Texts) => `(call $set (i32.const 0) ${texts.of('x')} ${texts.of('x')})`,
    (texts: Texts) => `(call $remove (i32.const 2) ${texts.of('x')})`,
    (texts: Texts) => `(call $write (i32.const 0) ${texts.of('x')})`,
    () => '(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1)))',
    () => '(drop (call $read (i32.const 1) (i32.const 0) (i32.const 1)))',
    (texts: Texts) => `(call $add (i32.const 1) ${texts.of('x')} ${texts.of('x')})`,
    (texts: Texts) => `(call $write (i32.const 1) ${texts.of('x')})`,
    () => '(drop (call $get_status))',
    () => '(call $set_status (i32.const 200))',
  ]
  for (const code of codes) {
    using tried = tryModule(guestModule((texts) => ({ reads: true, response: code(texts) })))
    let isCancelled = false
    const body = new Body(
      {
        open: () => {},
        resume: () => {},
        cancel: () => {
          isCancelled = true
        },
      },
      null,
    )
    const { text, sent } = await tried.ask({}, async () => testResponse(200, [], body))
    t.strictSame([text, sent.length, isCancelled], ['!PLUGIN_THREW', 1, true], code.toString())
    t.match(tried.told.failures, [{ kind: 'exception', message: /cannot .*(gone on|buffered)/ }])
  }
})

const endings: readonly (readonly [name: string, make: Make, kind: string, reason: RegExp])[] = [
  [
    'an endless loop',
    () => ({ request: '(loop $for (br $for)) (i64.const 1)' }),
    'timeout',
    /more than 50 ms in handle_request/,
  ],
  [
    'endless calls of the host',
    () => ({ request: '(loop $for (drop (call $log_enabled (i32.const 0))) (br $for)) (i64.const 1)' }),
    'timeout',
    /more than 50 ms/,
  ],
  [
    'a memory bomb',
    () => ({
      request:
        '(loop $for (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable)) (br $for)) (i64.const 1)',
    }),
    'memory',
    /used the 1 MiB/,
  ],
  ['a trap', () => ({ response: 'unreachable' }), 'crash', /unreachable.* in handle_response/],
  [
    'endless recursion',
    () => ({ more: '(func $deep (call $deep) (call $deep))', request: '(call $deep) (i64.const 1)' }),
    'crash',
    /stack/i,
  ],
  [
    'proc_exit',
    () => ({
      imports: '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))',
      request: '(call $exit (i32.const 3)) (i64.const 1)',
    }),
    'crash',
    /proc_exit\(3\)/,
  ],
  [
    'a fault that the guest catches',
    (texts) => ({
      request: `(try (do (call $set_status (i32.const 1))) (catch_all))
        (call $set_uri ${texts.of('/caught')}) (i64.const 1)`,
    }),
    'exception',
    /1 is no status/,
  ],
  [
    'too large a body',
    () => ({
      request:
        '(loop $for (call $write (i32.const 1) (i32.const 0) (i32.const 1000)) (br $for)) (i64.const 0)',
    }),
    'limit',
    /more than the 4096 bytes/,
  ],
  [
    'too long a name',
    () => ({
      request:
        '(drop (call $values (i32.const 0) (i32.const 0) (i32.const 300000) (i32.const 0) (i32.const 0))) (i64.const 1)',
      pages: 8,
    }),
    'limit',
    /300000 bytes; 262144/,
  ],
  [
    'too many headers',
    (texts) => ({
      request: `(loop $for (call $add (i32.const 0) ${texts.of('a')} ${texts.of('b')}) (br $for)) (i64.const 1)`,
    }),
    'limit',
    /more than 1000 fields/,
  ],
]

test('a guest that does not end, or ends badly, is thrown away, and the next exchange is served', async (t) => {
  for (const [name, make, kind, reason] of endings) {
    const module = guestModule((texts) => {
      const guest = make(texts)
      const isBad = `(i32.eq (call $get_uri (i32.const 0) (i32.const 99)) (i32.const 4))`
      return {
        ...guest,
        request: `(if (result i64) ${isBad} (then ${guest.request ?? '(i64.const 1)'}) (else (i64.const 1)))`,
        response: `(if ${isBad} (then ${guest.response ?? ''}))`,
      }
    })
    using tried = tryModule(module)
    for (let round = 0; round < 2; round += 1) {
      const [bad, other] = await Promise.all([tried.ask({ path: '/bad' }), tried.ask({ path: '/other' })])
      t.match(bad.text, /^!PLUGIN_/, name)
      t.equal(other.text, 'you asked for /other', name)
    }
    t.match(tried.told.failures, [{ kind, message: reason }, { kind }], name)
    t.equal(tried.plugin.usage().exchanges, 0)
    t.ok(tried.plugin.usage().heapBytes <= 3 * 1_048_576)
  }
})

test('a body of a client that is too large is 413, and one of an upstream the plugin’s failure', async (t) => {
  const module = guestModule(() => ({ reads: true, start: '(drop (call $enable (i32.const 3)))' }))
  using tried = tryModule(module)
  const large = () => slowBody(Array.from({ length: 5 }, () => 'x'.repeat(1_000)))
  t.match(await tried.ask({ method: 'POST', body: large() }), { text: '!BODY_TOO_LARGE', sent: [] })
  t.match(await tried.ask({ method: 'POST', body: Body.of('x'.repeat(5_000)) }), { text: '!BODY_TOO_LARGE' })
  t.strictSame(tried.told.failures, [])
  t.equal((await tried.ask({}, async () => testResponse(200, [], large()))).text, '!PLUGIN_OVER_LIMIT')
  t.match(tried.told.failures, [{ kind: 'limit', message: /4 KiB of bufferKiB/ }])
  t.equal((await tried.ask()).status, 200)
  t.strictSame([tried.plugin.usage().exchanges, tried.told.restarts], [0, 0])
})

test('what cannot be run is refused with the reason', async (t) => {
  const exported = '(func (export "handle_request") (result i64) (i64.const 1))'
  const memory = '(memory (export "memory") 1)'
  const response = '(func (export "handle_response") (param i32 i32))'
  const cases = [
    [`(module ${memory} ${exported})`, /exports no function handle_response/],
    [`(module ${exported} ${response})`, /exports no memory/],
    [`(module (import "env" "x" (func)) ${memory} ${exported} ${response})`, /"env" "x"/],
    [`(module (import "http_handler" "x" (func)) ${memory} ${exported} ${response})`, /"http_handler" "x"/],
    [`(module ${memory} ${exported} ${response} (func (export "_start") unreachable))`, /unreachable/],
    [
      `(module ${memory} ${exported} ${response} (func (export "_start") (loop $for (br $for))))`,
      /ran for more than 2000 ms/,
    ],
    [
      `(module (import "http_handler" "get_status_code" (func $get (result i32))) ${memory} ${exported} ${response}
        (func (export "_start") (drop (call $get))))`,
      /there is no exchange before/,
    ],
  ] as const
  for (const [source, reason] of cases) {
    t.throws(() => tryModule(metered(source)), { name: 'PluginFault', message: reason })
  }
  const wrong = `(module ${memory} (func (export "handle_request")) ${response})`
  using tried = tryModule(metered(wrong))
  t.equal((await tried.ask()).text, '!PLUGIN_THREW')
  t.match(tried.told.failures, [{ message: /must give an i64/ }])
})

test('a function that the manifest does not allow ends the instance', async (t) => {
  const module = guestModule((texts) => ({
    request: `(call $remove (i32.const 0) ${texts.of('a')}) (i64.const 1)`,
  }))
  using tried = tryModule(module, { capabilities: ['get_uri'] })
  t.equal((await tried.ask({ headers: new HeaderList(['Host', 'a']) })).text, '!PLUGIN_THREW')
  t.match(tried.told.failures, [{ message: /not allowed to call remove_header/ }])
})

import { type Test, test } from 'tap'
import { HeaderList } from '../../../chains/headers.ts'
import { type HttpResponse, localResponse } from '../../../chains/http.ts'
import { Pipe } from '../../plugin/lending/pipe.ts'
import { behaviourGuest, guestKit } from '../testing/behaviours.ts'
import { data, type GuestParts } from '../testing/guests.ts'
import { openLoader, type TestLoader } from '../testing/loader.ts'
import { callMs, type Hostile, openHostile } from './testing/hostile-guests.ts'
import { randomNumbers } from './testing/random-calls.ts'

const requestCallbacks = ['request_headers', 'request_body', 'request_trailers']
const responseCallbacks = ['response_headers', 'response_body', 'response_trailers']
const endCallbacks = ['done', 'log', 'delete']
const tcpCallbacks = ['new_connection', 'downstream_data', 'upstream_data']
const closeCallbacks = ['upstream_connection_close', 'downstream_connection_close']
const withoutResult = new Set(['log', 'delete', 'context_create', 'tick', ...closeCallbacks])

const exit = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'
const more = `
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $choose (param i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
  (import "env" "proxy_set_header_map_pairs" (func $setPairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_http_call" (func $call
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))`

/** A guest that does something in each of these callbacks, for streams (not for its root context). */
function acting(actions: Readonly<Record<string, string>>, body = ''): GuestParts {
  const functions = Object.entries(actions).map(([name, action]) => {
    const result = withoutResult.has(name)
      ? ['', '']
      : ['(result i32)', name === 'done' ? '(i32.const 1)' : '(i32.const 0)']
    const guarded = name === 'context_create' ? `(if (local.get $size) (then ${action}))` : action
    return `(func (export "proxy_on_${name}") (param $id i32) (param $size i32) (param $end i32)
      ${result[0]} ${guarded} ${result[1]})`
  })
  const { imports, texts, digits, allocator } = guestKit
  return {
    imports: imports + more + exit,
    body: [texts, digits, body, ...functions].join('\n'),
    allocator,
  }
}

/** A neighbour in an instance of its own. */
function openNeighbour(wasm: TestLoader): Hostile {
  const pass = behaviourGuest('pass')
  if (!pass) throw new Error('every guest can pass')
  return openHostile(wasm, pass)
}

/** A message with a piece of a body and a trailer. */
function withTrailers(): Pipe {
  const pipe = new Pipe()
  setImmediate(() => {
    pipe.write(Buffer.from('some bytes'))
    pipe.end(new HeaderList(['X-Trailer', '1']))
  })
  return pipe
}

const upstream = async (): Promise<HttpResponse> => localResponse(200, new HeaderList(), withTrailers().body)

/** One exchange or connection with everything a guest can be called for; what came of it as text. */
async function exchange(guest: Hostile, name: string): Promise<string> {
  const isTcp = tcpCallbacks.includes(name) || closeCallbacks.includes(name)
  if (isTcp) return guest.talk(['some bytes'])
  const { status, text } = await guest.ask({ method: 'POST', body: withTrailers().body }, { upstream })
  return `${status} ${text}`
}

/** What one action in each callback comes to: its kind, by policy the end of the exchange, and a neighbour at rest. */
async function inEach(t: Test, action: string, kind: string, code: string, mostMs: number): Promise<void> {
  using wasm = openLoader()
  using neighbour = openNeighbour(wasm)
  const early = ['context_create', ...requestCallbacks, ...responseCallbacks, ...tcpCallbacks]
  for (const name of [...early, ...endCallbacks, ...closeCallbacks]) {
    using guest = openHostile(wasm, acting({ request_headers: '', [name]: action }))
    const startedAt = performance.now()
    const ending = exchange(guest, name)
    const beside = await neighbour.ask({ path: '/beside' })
    t.strictSame([beside.status, beside.text], [200, 'you asked for /beside'], name)
    const ended = await ending
    const took = performance.now() - startedAt
    t.strictSame(guest.kinds(), [kind], name)
    t.ok(took < mostMs, `${name}: ${took} ms`)
    if (early.includes(name)) t.match(ended, new RegExp(`!${code}$`), name)
    t.equal(guest.plugin.usage().exchanges, 0, name)
  }
}

test('a loop without end in any callback is stopped near its time, and ends its exchange alone', (t) =>
  inEach(t, '(loop $ever (br $ever))', 'timeout', 'PLUGIN_OVER_LIMIT', callMs * 8))

test('memory that grows in a loop ends at its limit', (t) => {
  const grow = `(loop $more (if (i32.lt_s (memory.grow (i32.const 1)) (i32.const 0)) (then unreachable)) (br $more))`
  return inEach(t, grow, 'memory', 'PLUGIN_OVER_LIMIT', callMs * 8)
})

test('a trap in any callback ends its exchange alone', (t) =>
  inEach(t, 'unreachable', 'crash', 'PLUGIN_THREW', callMs * 8))

test('an exit in any callback ends its exchange alone, and not the process', (t) =>
  inEach(t, '(call $exit (i32.const 0))', 'crash', 'PLUGIN_THREW', callMs * 8))

test('a guest that failed serves the next exchange with a fresh instance', async (t) => {
  using wasm = openLoader()
  const bad = '(if (call $isPath (i32.const 160) (i32.const 4)) (then (loop $ever (br $ever))))'
  using guest = openHostile(wasm, acting({ request_headers: bad }, guestKit.isPath))
  t.equal((await guest.ask({ path: '/bad' })).text, '!PLUGIN_OVER_LIMIT')
  t.equal((await guest.ask({ path: '/fine' })).status, 200)
  t.equal(guest.told.restarts, 1)
})

test('an exchange that is gone can neither be chosen nor continued, and calls out to nobody', async (t) => {
  using wasm = openLoader()
  const gone = '(global $gone (mut i32) (i32.const 0)) (global $state (mut i32) (i32.const 0))'
  const headers = `(if (global.get $gone) (then
    (global.set $state (call $choose (global.get $gone)))
    (drop (call $continue (i32.const 0)))
    (drop (call $call (i32.const 16) (i32.const 8) (i32.const 240) (i32.const 25) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 128)))
    (if (i32.ne (global.get $state) (i32.const 2)) (then unreachable))))`
  const remove = `(global.set $gone (local.get $id))
    (drop (call $choose (local.get $id))) (drop (call $continue (i32.const 0))) (drop (call $continue (i32.const 1)))`
  using guest = openHostile(wasm, acting({ request_headers: headers, delete: remove }, gone))
  for (let turn = 0; turn < 3; turn += 1) t.equal((await guest.ask()).status, 200)
  t.strictSame(guest.kinds(), [])
  t.equal(guest.plugin.usage().exchanges, 0)
})

test('of two local responses the first is the answer', async (t) => {
  using wasm = openLoader()
  const answer = (status: number) => `(drop (call $answer (i32.const ${status}) (i32.const 0) (i32.const 0)
    (i32.const 208) (i32.const 15) (i32.const 240) (i32.const 25) (i32.const -1)))`
  const again = {
    request_headers: answer(418) + answer(403),
    response_headers: answer(500),
    log: answer(501),
  }
  using guest = openHostile(wasm, acting(again))
  const { status, text, sent } = await guest.ask()
  t.strictSame([status, text, sent.length], [418, 'short and stout', 0])
  t.strictSame(guest.kinds(), [])
})

test('forged maps leave a message that is one', async (t) => {
  using wasm = openLoader()
  const random = randomNumbers(7)
  for (let round = 0; round < 12; round += 1) {
    const bytes = Array.from({ length: 256 }, () => String.fromCharCode(random(128))).join('')
    // Mostly few pairs with short texts: what is far off is no map at all.
    const counts = Array.from({ length: 5 }, () => `\\0${random(6)}\\00\\00\\00`).join('')
    const forge = Array.from({ length: 24 }, (_, size) => {
      const [at, length] = [600 + (round % 2) * 20, size * 3]
      return [0, 1, 2, 3, 6]
        .map((map) => `(drop (call $setPairs (i32.const ${map}) (i32.const ${at}) (i32.const ${length})))`)
        .join('')
    }).join('')
    const memory = `${data(620, bytes)} (data (i32.const 600) "${counts}")`
    using guest = openHostile(wasm, acting({ request_headers: forge, response_headers: forge }, memory))
    const { status, sent } = await guest.ask()
    t.equal(status, 200)
    for (const { method, path, headers } of sent) {
      t.match(method, /^[!-~]+$/)
      t.match(path, /^[!-~]+$/)
      t.notMatch(headers.fields.join(''), /[\0\r\n]/)
    }
    t.strictSame(guest.kinds(), [])
  }
})

test('an allocator that asks for more of the same is the end of its instance', async (t) => {
  using wasm = openLoader()
  using neighbour = openNeighbour(wasm)
  const read = '(call $get (i32.const 0) (i32.const 64) (i32.const 5) (i32.const 128) (i32.const 132))'
  const bodies = [`(drop ${read})`, '(loop $ever (br $ever))', 'unreachable', '(call $exit (i32.const 3))']
  for (const body of bodies) {
    const allocator = `(func (export "proxy_on_memory_allocate") (param i32) (result i32) ${body} (i32.const 8192))`
    using guest = openHostile(wasm, { ...acting({ request_headers: `(drop ${read})` }), allocator })
    t.match((await guest.ask()).text, /^!PLUGIN_/, body)
    t.equal(guest.kinds().length, 1, body)
    t.equal((await neighbour.ask()).status, 200)
  }
})

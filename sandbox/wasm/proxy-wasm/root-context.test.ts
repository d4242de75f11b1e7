import { test } from 'tap'
import { manualClock } from '../../../chains/policy/testing.ts'
import { data, guest } from '../testing/guests.ts'
import { openWorld, type World } from '../testing/world.ts'

/** Every callback of a root context writes its name's letter and its parameters, as `NAME id a b c d`. */
const numbers = ['id', 'a', 'b', 'c', 'd'] as const
const imports = `(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $period (param i32) (result i32)))
  (import "env" "proxy_done" (func $done (result i32)))
  (import "env" "proxy_get_status" (func $status (param i32 i32 i32) (result i32)))
  (import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))`

function callback(name: string, parameters: number, result: 'i32' | null, extra = ''): string {
  const digit = (index: number) =>
    `(i32.store8 (i32.const ${33 + index}) (i32.add (i32.const 48) (local.get $${numbers[index]})))`
  const declared = numbers
    .slice(0, parameters)
    .map((one) => `(param $${one} i32)`)
    .join(' ')
  return `(func (export "proxy_on_${name}") ${declared} ${result ? '(result i32)' : ''}
    (i32.store8 (i32.const 32) (i32.const ${name.charCodeAt(0)}))
    ${numbers
      .slice(0, parameters)
      .map((_, index) => digit(index))
      .join('\n')}
    (drop (call $log (i32.const 2) (i32.const 32) (i32.const ${1 + parameters})))
    ${extra} ${result ? '(i32.const 1)' : ''})`
}

const configured = [
  callback('context_create', 2, null),
  callback('vm_start', 2, 'i32'),
  callback('configure', 2, 'i32'),
]
const bare = (name: string, answer: string) =>
  `(func (export "proxy_on_${name}") (param i32 i32) (result i32) ${answer})`
const texts = ({ lines }: World) => lines.map(({ text }) => text)
const digit = (value: number) => String.fromCharCode(48 + value)

test('a root context is created, started and configured, with the lengths of its configurations', async (t) => {
  using world = openWorld(guest({ imports, body: configured.join('') }))
  world.root.start()
  t.same(texts(world), ['c10', `v1${digit(9)}`, `c1${digit(14)}`])
})

test('plugins that share an instance have their own root contexts in it', async (t) => {
  using world = openWorld(guest({ imports, body: configured.join('') }))
  const other = world.another('other', { configuration: Buffer.from('abc') })
  world.root.start()
  other.start()
  t.not(world.root.id, other.id)
  t.same(texts(world).slice(3), ['c20', `v2${digit(9)}`, 'c23'])
})

test('a guest that refuses, or fails, is not loaded', async (t) => {
  const cases = [
    ['vm_start', '(i32.const 0)', /plugin tried: its proxy_on_vm_start refused to start$/],
    ['configure', '(i32.const 0)', /its proxy_on_configure refused the configuration of 14 bytes$/],
    ['vm_start', '(unreachable)', /it failed at its start: .*proxy_on_vm_start trapped: unreachable/],
    ['configure', '(unreachable)', /it failed at its start: .*proxy_on_configure trapped: unreachable/],
    ['configure', '(i32.ne (local.get 1) (i32.const 14))', /refused the configuration/],
  ] as const
  for (const [name, answer, message] of cases) {
    using world = openWorld(guest({ body: bare(name, answer) }))
    t.throws(() => world.root.start(), { name: 'PluginFault', message }, name)
    t.ok(world.calls.isDisposed)
  }
})

test('a refusal of one plugin leaves another in the same instance as it is', async (t) => {
  using world = openWorld(guest({ body: bare('configure', '(i32.ne (local.get 1) (i32.const 0))') }))
  const other = world.another('other', { configuration: new Uint8Array(0) })
  t.throws(() => other.start(), { name: 'PluginFault' })
  world.root.start()
  t.notOk(world.vm.isDead)
})

test('ticks come at their period, until it is 0 or another', async (t) => {
  const clock = manualClock()
  const body = callback('tick', 1, null)
  using world = openWorld(guest({ imports, body }), { clock })
  world.root.start()
  clock.advance(1_000)
  t.same(texts(world), [])
  world.root.setTickPeriod(100)
  clock.advance(99)
  t.same(texts(world), [])
  clock.advance(901)
  t.equal(texts(world).length, 10)
  world.root.setTickPeriod(500)
  clock.advance(1_000)
  t.equal(texts(world).length, 12)
  world.root.setTickPeriod(0)
  clock.advance(1_000)
  t.equal(texts(world).length, 12)
  world.root.setTickPeriod(10)
  world.root[Symbol.dispose]()
  t.equal(clock.waiting, 0)
})

test('a guest sets its own period, and a tick that traps is its last', async (t) => {
  const clock = manualClock()
  const body =
    bare('configure', '(drop (call $period (i32.const 50))) (i32.const 1)') +
    callback('tick', 1, null, '(unreachable)')
  using world = openWorld(guest({ imports, body }), { clock })
  world.root.start()
  clock.advance(500)
  t.same(texts(world), ['t1'])
  t.ok(world.vm.isDead)
  t.match(world.failures, [{ kind: 'crash', message: /proxy_on_tick trapped/ }])
  t.equal(clock.waiting, 0)
})

const onDone = (answer: number) =>
  `(func (export "proxy_on_done") (param i32) (result i32) (i32.const ${answer}))`

test('a root context that is done at once is deleted, and then gone', async (t) => {
  const clock = manualClock()
  using world = openWorld(guest({ imports, body: onDone(1) + callback('delete', 1, null) }), { clock })
  world.root.start()
  t.equal(world.root.done(), 1, 'nobody waits for it')
  let ended = 0
  world.root.end(() => {
    ended += 1
  })
  t.equal(ended, 1)
  t.same(texts(world), ['d1'])
  t.ok(world.calls.isDisposed)
  t.equal(clock.waiting, 0)
})

test('a root context that is not done lives on until it says so, for half a minute at most', async (t) => {
  const body = onDone(0) + callback('delete', 1, null) + callback('tick', 1, null, '(drop (call $done))')
  for (const isSaying of [true, false]) {
    const clock = manualClock()
    using world = openWorld(guest({ imports, body }), { clock })
    world.root.start()
    if (isSaying) world.root.setTickPeriod(20_000)
    let endedAt = 0
    world.root.end(() => {
      endedAt = clock.now()
    })
    t.same(texts(world), [])
    clock.advance(60_000)
    t.equal(endedAt, 1_000 + (isSaying ? 20_000 : 30_000))
    t.same(texts(world), isSaying ? ['t1', 'd1'] : ['d1'])
    t.equal(clock.waiting, 0)
  }
})

test('a root context ends when its instance dies, or without a word when it is disposed of', async (t) => {
  const clock = manualClock()
  using world = openWorld(guest({ imports, body: onDone(0) + callback('delete', 1, null) }), { clock })
  world.root.start()
  let ended = 0
  world.root.end(() => {
    ended += 1
  })
  world.vm[Symbol.dispose]()
  t.equal(ended, 1)
  t.equal(clock.waiting, 0)
  t.same(texts(world), [])
})

test('answers of call-outs reach the guest with what they brought, and no later', async (t) => {
  const read = `(if (i32.eqz (call $buffer (i32.const 4) (i32.const 0) (i32.const 99) (i32.const 16) (i32.const 20)))
      (then (drop (call $log (i32.const 2) (i32.load (i32.const 16)) (i32.load (i32.const 20))))))
    (drop (call $status (i32.const 16) (i32.const 20) (i32.const 24)))
    (drop (call $log (i32.const 3) (i32.load (i32.const 20)) (i32.load (i32.const 24))))`
  using world = openWorld(guest({ imports, body: callback('http_call_response', 5, null, read) }))
  world.root.start()
  const { listener } = world.calls
  const answer = { headers: [':status', '200'], body: Buffer.from('ok!'), trailers: ['a', '1', 'b', '2'] }
  listener?.httpDone(7, answer, { code: 0, message: '' })
  t.same(texts(world), ['h17132', 'ok!', ''])
  listener?.httpDone(8, null, { code: 11, message: 'reset' })
  t.same(texts(world).slice(3), ['h18000', 'reset'])
  t.equal(world.root.buffer(4), null)
  t.equal(world.root.readableMap(6), null)
  world.root[Symbol.dispose]()
  listener?.httpDone(9, answer, { code: 0, message: '' })
  t.equal(texts(world).length, 5)
})

test('gRPC brings metadata, messages and a status, each to its callback', async (t) => {
  const body = [
    callback('grpc_receive_initial_metadata', 3, null),
    callback('grpc_receive', 3, null),
    callback('grpc_receive_trailing_metadata', 3, null),
    callback('grpc_close', 3, null),
  ]
  using world = openWorld(guest({ imports, body: body.join('') }))
  world.root.start()
  const { listener } = world.calls
  listener?.grpcInitialMetadata(4, ['a', '1'])
  listener?.grpcMessage(4, Buffer.from('abc'))
  listener?.grpcTrailingMetadata(4, [])
  listener?.grpcClosed(4, 5, 'none')
  t.same(texts(world), ['g141', 'g143', 'g140', 'g145'])
})

test('what enters a queue calls the context that registered it, later', async (t) => {
  const body =
    bare('configure', '(drop (call $register (i32.const 8) (i32.const 1) (i32.const 12))) (i32.const 1)') +
    callback('queue_ready', 2, null) +
    data(8, 'q')
  using world = openWorld(guest({ imports, body }))
  world.root.start()
  const token = world.ports.shared.resolveQueue('machine', 'q')
  t.equal(world.ports.shared.enqueue(token ?? 0, Buffer.from('entry')), 'ok')
  t.same(texts(world), [])
  const until = Date.now() + 5_000
  while (texts(world).length === 0 && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 5))
  t.same(texts(world), [`q1${digit(token ?? 0)}`])
})

test('a failure names the plugin that was called, whoever shares its instance', async (t) => {
  const body = bare(
    'configure',
    '(if (i32.eq (local.get 1) (i32.const 3)) (then (unreachable))) (i32.const 1)',
  )
  using world = openWorld(guest({ body }))
  world.root.start()
  const other = world.another('other', { configuration: Buffer.from('abc') })
  t.throws(() => other.start(), { name: 'PluginFault', message: /plugin other: it failed at its start/ })
  t.match(world.failures, [{ kind: 'crash', message: /^plugin other \(1\)/ }])
  t.ok(world.vm.isDead)
})

import { test } from 'tap'
import { PluginError } from '../../plugin/contract.ts'
import { data, guest } from '../testing/guests.ts'
import { TestStream } from '../testing/test-stream.ts'
import { openWorld, type World } from '../testing/world.ts'

const log = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'
const done = '(import "env" "proxy_done" (func $done (result i32)))'
const headers = (instructions: string) =>
  `(func $inner (result i32) ${instructions})
   (func $handler (export "proxy_on_request_headers") (param $id i32) (param $count i32) (param $end i32)
     (result i32) (call $inner))`

function streamIn(world: World): TestStream {
  const stream = new TestStream(world.vm.nextId(), world.root)
  world.vm.register(stream)
  return stream
}

function callHeaders(world: World): number | null {
  return world.vm.call('proxy_on_request_headers', streamIn(world), 3, 1)
}

function failureOf(action: () => unknown): PluginError {
  try {
    action()
  } catch (error) {
    if (error instanceof PluginError) return error
    throw error
  }
  throw new Error('it did not fail')
}

test('only a guest without _initialize is started by _start, once', async (t) => {
  const say = (name: string) =>
    `(func (export "${name}") (drop (call $log (i32.const 2) (i32.const 8) (i32.const 1))))`
  using command = openWorld(guest({ imports: log, body: say('_start') + data(8, 's') }))
  t.same(command.lines, [{ level: 'info', text: 's' }])
  const both = `${say('_start')}(func (export "_initialize"))${data(8, 's')}`
  using reactor = openWorld(guest({ imports: log, body: both }))
  t.same(reactor.lines, [])
  const main = `(func (export "_initialize")) (func (export "main") (param i32 i32) (result i32)
    (call $log (i32.const 3) (i32.const 8) (i32.const 1)))${data(8, 'm')}`
  using withMain = openWorld(guest({ imports: log, body: main }))
  t.same(withMain.lines, [{ level: 'warn', text: 'm' }])
})

test('a guest that does more than its start allows does not start', async (t) => {
  const body = '(func $begin (export "_initialize") (drop (call $done)))'
  const error = failureOf(() => openWorld(guest({ imports: done, body })))
  t.equal(error.kind, 'crash')
  t.match(
    error.message,
    /restricted_callback: proxy_done cannot be called while the guest starts; in begin at/,
  )
})

const value = `(import "env" "proxy_get_header_map_value"
  (func $value (param i32 i32 i32 i32 i32) (result i32)))`
const readX = '(call $value (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 16) (i32.const 20))'

test('an allocator may write to the log, and call nothing else', async (t) => {
  const allocator = (call: string) => `(func $allocate (export "malloc") (param i32) (result i32)
    ${call} (i32.const 4096))`
  const body = headers(readX) + data(8, 'x') + data(64, 'this is fine')
  const speaking = allocator('(drop (call $log (i32.const 2) (i32.const 64) (i32.const 12)))')
  using world = openWorld(guest({ imports: value + log, allocator: speaking, body }))
  t.equal(callHeaders(world), 0)
  t.same(world.lines, [{ level: 'info', text: 'this is fine' }])
  using other = openWorld(guest({ imports: value + done, allocator: allocator('(drop (call $done))'), body }))
  const error = failureOf(() => callHeaders(other))
  t.match(error.message, /restricted_callback: proxy_done cannot be called inside the allocator; in allocate/)
  t.ok(other.vm.isDead)
})

test('values are right although the allocator grows the memory each time', async (t) => {
  const imports = `${value}${log}`
  const allocator = `(func (export "malloc") (param i32) (result i32)
    (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))`
  const read = (
    at: number,
  ) => `(drop (call $value (i32.const 0) (i32.const ${at}) (i32.const 1) (i32.const 16) (i32.const 20)))
    (drop (call $log (i32.const 2) (i32.load (i32.const 16)) (i32.load (i32.const 20))))`
  const body = headers(`${read(8)}${read(9)}${read(10)}(i32.const 0)`) + data(8, 'xyz')
  using world = openWorld(guest({ imports, allocator, body }))
  callHeaders(world)
  t.same(
    world.lines.map(({ text }) => text),
    ['of x', 'of y', 'of z'],
  )
  t.equal(world.vm.memoryBytes, 5 * 65_536)
})

test('an allocator that has nothing, or gives what is not there, makes the function fail', async (t) => {
  for (const address of ['0', '0xfffffffe', '131071']) {
    const allocator = `(func (export "malloc") (param i32) (result i32) (i32.const ${address}))`
    using world = openWorld(guest({ imports: value, allocator, body: headers(readX) + data(8, 'x') }))
    t.equal(callHeaders(world), 6, address)
    t.notOk(world.vm.isDead)
  }
})

test('an endless loop is stopped soon after the time of a call', async (t) => {
  using world = openWorld(guest({ body: headers('(loop $l (br $l)) (i32.const 0)') }), { callMs: 40 })
  const startedAt = performance.now()
  const error = failureOf(() => callHeaders(world))
  const took = performance.now() - startedAt
  t.ok(took >= 40 && took < 40 * 4, `${took} ms`)
  t.equal(error.kind, 'timeout')
  t.match(error.message, /proxy_on_request_headers ran for more than 40 ms; in .*inner.*handler/)
  t.equal(world.failures.length, 1)
})

test('a loop that only calls the host, and catches what that throws, is stopped too', async (t) => {
  const body = headers(
    `(loop $l (try (do (drop (call $log (i32.const 0) (i32.const 0) (i32.const 0)))) (catch_all)) (br $l)) (i32.const 0)`,
  )
  using world = openWorld(guest({ imports: log, body }), { callMs: 40 })
  t.equal(failureOf(() => callHeaders(world)).kind, 'timeout')
})

test('a guest that allocates for ever ends at its limit of memory', async (t) => {
  const body = headers(
    '(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)',
  )
  using world = openWorld(guest({ body }), { memoryMiB: 2 })
  const error = failureOf(() => callHeaders(world))
  t.equal(error.kind, 'memory')
  t.match(error.message, /trapped \(unreachable\) with 2097152 bytes of memory; 2097152 are allowed/)
  t.equal(world.vm.memoryBytes, 0, 'is given back')
})

test('a trap, an exit and an exception each end the instance, and say where', async (t) => {
  const exit = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))'
  const cases = [
    [
      'crash',
      '(unreachable)',
      /proxy_on_request_headers trapped: unreachable; in .*inner at 0x.*, called by .*handler/,
    ],
    ['crash', '(i32.load (i32.const -1))', /trapped: memory access out of bounds/],
    ['crash', '(call $inner)', /Maximum call stack size exceeded/],
    ['crash', '(call $exit (i32.const 1)) (i32.const 0)', /it left with proc_exit\(1\); in inner/],
    [
      'crash',
      '(try (do (call $exit (i32.const 1))) (catch_all)) (i32.const 0)',
      /it left with proc_exit\(1\)/,
    ],
    ['exception', '(throw $mistake)', /threw an exception that nothing caught/],
  ] as const
  for (const [kind, instructions, message] of cases) {
    const body = `(tag $mistake)${headers(instructions)}`
    using world = openWorld(guest({ imports: exit, body }))
    const deaths: string[] = []
    world.vm.onDeath((error) => deaths.push(error.message))
    const error = failureOf(() => callHeaders(world))
    t.equal(error.kind, kind, instructions)
    t.match(error.message, message)
    t.same(deaths, [error.message])
    t.ok(world.vm.isDead)
    t.match(failureOf(() => callHeaders(world)).message, /its instance is dead: /)
    t.same(deaths.length, 1)
  }
})

test('what is asked for during a call is done after it, in order, and a guest is not entered while it runs', async (t) => {
  const imports = '(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))'
  const body = headers(
    '(drop (call $continue (i32.const 0))) (drop (call $continue (i32.const 1))) (i32.const 7)',
  )
  using world = openWorld(guest({ imports, body }))
  const { vm } = world
  const order: string[] = []
  class Deferring extends TestStream {
    override continueStream(type: 0) {
      vm.afterCall(() => {
        order.push(`continue ${type}`)
        if (type === 0) order.push(`inside ${callHeaders(world)}`)
      })
      order.push(`asked ${type}`)
      return 0 as const
    }
  }
  const stream = new Deferring(vm.nextId(), world.root)
  order.push(`returned ${vm.call('proxy_on_request_headers', stream, 0, 0)}`)
  t.same(order, ['asked 0', 'asked 1', 'continue 0', 'inside 7', 'continue 1', 'returned 7'])
  vm.afterCall(() => order.push('at once'))
  t.equal(order.at(-1), 'at once')
  class Entering extends TestStream {
    override continueStream() {
      callHeaders(world)
      return 0 as const
    }
  }
  const error = failureOf(() => vm.call('proxy_on_request_headers', new Entering(vm.nextId(), world.root), 0))
  t.match(error.message, /a guest cannot be entered while it runs/)
  t.ok(vm.isDead)
})

test('a guest can act for another context until its callback returns, or until that context is gone', async (t) => {
  const imports = `(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
    (import "env" "proxy_set_effective_context" (func $choose (param i32) (result i32)))`
  const body = `(func (export "proxy_on_request_headers") (param $id i32) (param $chosen i32) (param $end i32) (result i32)
    (local $answer i32)
    (if (local.get $chosen) (then (local.set $answer (call $choose (local.get $chosen)))))
    (drop (call $continue (local.get $end)))
    (if (local.get $chosen) (then (drop (call $choose (i32.const 0))) (drop (call $continue (i32.const 3)))))
    (local.get $answer))`
  using world = openWorld(guest({ imports, body }))
  const [one, other] = [streamIn(world), streamIn(world)]
  const call = (chosen: number) => world.vm.call('proxy_on_request_headers', one, chosen, 1)
  t.equal(call(other.id), 0)
  t.same([one.asked, other.asked], [['continue 3'], ['continue 1']])
  t.equal(call(0), 0)
  t.same([one.asked, other.asked], [['continue 3', 'continue 1'], ['continue 1']])
  t.equal(call(9_999), 2)
  world.vm.forget(other.id)
  t.equal(call(other.id), 2)
  t.same(other.asked, ['continue 1'])
})

test('a callback that is not there, or not allowed, is not called', async (t) => {
  using plain = openWorld(guest())
  t.equal(callHeaders(plain), null)
  t.notOk(plain.vm.has('proxy_on_request_headers'))
  const capabilities = ['proxy_on_response_headers']
  using restricted = openWorld(guest({ body: headers('(unreachable)') }), { settings: { capabilities } })
  t.equal(callHeaders(restricted), null)
})

test('functions that are not among the capabilities of a plugin only say so', async (t) => {
  const random = '(import "wasi_unstable" "random_get" (func $random (param i32 i32) (result i32)))'
  const body = headers(
    '(i32.add (i32.mul (call $log (i32.const 2) (i32.const 0) (i32.const 1)) (i32.const 100)) (call $random (i32.const 0) (i32.const 1)))',
  )
  const settings = { capabilities: ['proxy_on_request_headers'] }
  using world = openWorld(guest({ imports: log + random, body }), { settings })
  t.equal(callHeaders(world), 1_076)
  t.same(world.lines, [
    { level: 'error', text: 'proxy_log is not among the capabilities of this plugin' },
    { level: 'error', text: 'random_get is not among the capabilities of this plugin' },
  ])
})

test('an instance that is disposed of while it runs ends in that call', async (t) => {
  const imports = '(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))'
  const body = headers('(drop (call $continue (i32.const 0))) (call $continue (i32.const 1))')
  using world = openWorld(guest({ imports, body }))
  class Disposing extends TestStream {
    override continueStream(type: 0) {
      world.vm[Symbol.dispose]()
      return super.continueStream(type) as 0
    }
  }
  const stream = new Disposing(world.vm.nextId(), world.root)
  const error = failureOf(() => world.vm.call('proxy_on_request_headers', stream, 0, 0))
  t.match(error.message, /its instance was disposed of/)
  t.same(stream.asked, ['continue 0'])
})

import { test } from 'tap'
import { Body } from '../../../chains/body.ts'
import { ProxyError } from '../../../chains/failures.ts'
import { HeaderList } from '../../../chains/headers.ts'
import { manualClock, testContext, testResponse } from '../../../chains/policy/testing.ts'
import { pause } from '../../plugin/testing/bench.ts'
import { slowBody } from '../../plugin/testing/kit.ts'
import { mostGuests } from './pool.ts'
import { guestModule, type Texts, tryModule } from './testing.ts'

/** Remembers the request's body, in the instance, and puts it on the answer. */
const remembers = (texts: Texts) => ({
  reads: true,
  start: '(drop (call $enable (i32.const 3)))',
  request: `(global.set $seen (call $low (call $read (i32.const 0) (i32.const 0) (i32.const 99)))) (i64.const 1)`,
  response: `(call $write (i32.const 1) ${texts.of('for ')})
    (call $write (i32.const 1) (i32.const 0) (global.get $seen))`,
})

test('fifty exchanges with bodies that come in turns do not see each other', async (t) => {
  using tried = tryModule(guestModule(remembers))
  const all = Array.from({ length: 50 }, async (_, number) => {
    const body = slowBody([`n${number}`, 'x'.repeat(number % 7), '.'])
    const upstream = async () => {
      await pause((number * 7) % 20)
      return testResponse(200, [], slowBody(['a', 'b']))
    }
    const { text, sent } = await tried.ask({ method: 'POST', body }, upstream)
    t.equal(text, `for n${number}${'x'.repeat(number % 7)}.`)
    t.equal(sent[0]?.body, `n${number}${'x'.repeat(number % 7)}.`)
  })
  await Promise.all(all)
  t.strictSame([tried.told.failures, tried.told.restarts, tried.plugin.usage().exchanges], [[], 0, 0])
  const { heapBytes } = tried.plugin.usage()
  t.ok(heapBytes >= 2 * 131_072 && heapBytes <= 50 * 131_072, 'instances are kept, and counted')
})

test('an instance that is free is used again', async (t) => {
  using tried = tryModule(guestModule(() => ({})))
  for (let round = 0; round < 5; round += 1) await tried.ask()
  t.equal(tried.plugin.usage().heapBytes, 131_072)
  t.equal(tried.told.calls, 10)
})

test('there are only so many instances; other exchanges wait for one, and not for ever', async (t) => {
  using tried = tryModule(
    guestModule(() => ({ pages: 1 }), 1),
    {},
    { pauseMs: 60, memoryMiB: 2 },
  )
  let answer = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  const upstream = async () => {
    await answered
    return testResponse(200)
  }
  const asked = Array.from({ length: mostGuests + 3 }, () => tried.ask({}, upstream))
  const left = testContext()
  const gone = tried.ask({}, upstream, left)
  await pause(10)
  t.equal(tried.plugin.usage().exchanges, mostGuests + 4)
  t.equal(tried.plugin.usage().heapBytes, mostGuests * 65_536)
  left.abort(new ProxyError('CLIENT_GONE', 'left'))
  t.equal((await gone).text, '!CLIENT_GONE')
  await pause(80)
  t.match(tried.told.failures, [{ kind: 'pause', message: /none was free for 60 ms/ }, {}, {}])
  const late = tried.ask({}, upstream)
  answer()
  t.equal((await late).status, 200)
  const statuses = (await Promise.all(asked)).map(({ status }) => status)
  t.equal(statuses.filter((status) => status === 200).length, mostGuests)
  t.equal(tried.plugin.usage().exchanges, 0)
})

test('all instances together have a bound on their memory', async (t) => {
  const grow = '(drop (memory.grow (i32.const 14))) (i64.const 1)'
  using tried = tryModule(guestModule(() => ({ request: grow })))
  const upstream = async () => {
    await pause(5)
    return testResponse(200)
  }
  const asked = Array.from({ length: 30 }, () => tried.ask({}, upstream))
  await pause(2)
  t.ok(tried.plugin.usage().heapBytes <= 8 * 1_048_576)
  for (const { status } of await Promise.all(asked)) t.equal(status, 200)
})

test('a plugin that is taken out ends its exchanges at once', async (t) => {
  const tried = tryModule(guestModule(() => ({})))
  const never = tried.ask({}, () => new Promise(() => {}))
  await pause(1)
  tried[Symbol.dispose]()
  t.equal((await never).text, '!PLUGIN_THREW')
  t.equal((await tried.ask()).text, '!PLUGIN_THREW')
  t.strictSame(tried.plugin.usage(), { heapBytes: 0, exchanges: 0 })
})

test('a client that leaves while an answer is held ends the exchange', async (t) => {
  using tried = tryModule(guestModule(() => ({ start: '(drop (call $enable (i32.const 2)))' })))
  const cx = testContext()
  const body = new Body({ open: () => {}, resume: () => {}, cancel: () => {} }, null)
  const asked = tried.ask(
    { headers: new HeaderList(['Host', 'a']) },
    async () => testResponse(200, [], body),
    cx,
  )
  await pause(1)
  cx.abort(new ProxyError('CLIENT_GONE', 'left'))
  t.equal((await asked).text, '!CLIENT_GONE')
  t.equal(tried.plugin.usage().exchanges, 0)
})

test('instances that nobody wants any more go, but for one', async (t) => {
  const clock = manualClock()
  const tried = tryModule(
    guestModule(() => ({})),
    {},
    {},
    clock,
  )
  const upstream = async () => {
    await pause(1)
    return testResponse(200)
  }
  await Promise.all(Array.from({ length: 4 }, () => tried.ask({}, upstream)))
  t.equal(tried.plugin.usage().heapBytes, 4 * 131_072)
  clock.advance(20_000)
  await tried.ask({}, upstream)
  clock.advance(10_000)
  t.equal(tried.plugin.usage().heapBytes, 131_072, 'the one that was used last')
  tried[Symbol.dispose]()
  t.equal(clock.waiting, 0)
})

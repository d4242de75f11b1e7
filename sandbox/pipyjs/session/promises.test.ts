import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { recordingTools } from '../../../chains/policy/testing.ts'
import { PluginError } from '../../plugin/contract.ts'
import type { CallbackResult } from '../guest-session.ts'
import { loadCallback, loadGuest, plainOf, requestHead, sentBy, starting, startOf } from './testing/guest.ts'

/** What a promise of a callback comes to. */
async function settled(result: CallbackResult): Promise<CallbackResult> {
  return result.type === 'promise' ? result.result : result
}

test('a promise that settles within the call is no wait', async (t) => {
  using loaded = loadCallback("async () => (await null, new StreamEnd('Replay'))")
  t.strictSame(sentBy(loaded.call([], 'events')), ['streamEnd Replay'])
  using value = loadCallback('() => Promise.resolve(5)')
  t.equal(plainOf(value.call()), 5)
})

test('a promise that the world settles is waited for', async (t) => {
  const tools = recordingTools()
  using loaded = loadCallback(
    "msg => new Timeout(0.5).wait().then(isOver => (msg.head.headers['x-late'] = isOver, [new Data('late')]))",
    { tools },
  )
  const head = requestHead()
  const result = loaded.call([starting(head)], 'events')
  t.equal(result.type, 'promise')
  t.equal(head.headers.get('x-late'), undefined)
  tools.clock.advance(500)
  t.strictSame(sentBy(await settled(result)), ['data late'])
  t.equal(head.headers.get('x-late'), 'true')
})

test('a promise can be handed over from the hot path too', async (t) => {
  const tools = recordingTools()
  using loaded = loadCallback('() => new Timeout(1).wait()', { tools })
  const waiting = loaded.guest.open().callWithStart(loaded.guest.fn('replaceMessage'), startOf(requestHead()))
  tools.clock.advance(1_000)
  t.equal((await waiting)?.type, 'none')
})

test('a promise that is rejected fails the call, with its place', async (t) => {
  const tools = recordingTools()
  using loaded = loadCallback(
    '\n async () => { await new Timeout(1).wait()\n  throw new RangeError("too far") }',
    { tools },
  )
  const result = settled(loaded.call())
  tools.clock.advance(1_000)
  await t.rejects(result, {
    message: 'plugin tested (v1) at tested.js:3:23: RangeError: too far',
    kind: 'exception',
  })
  using odd = loadCallback('() => Promise.reject({ toString() { throw 1 } })')
  await t.rejects(settled(odd.call()), /something that has no text/)
})

test('a promise of what is no result is an error too', async (t) => {
  using loaded = loadCallback('async () => 5')
  await t.rejects(settled(loaded.call([], 'events')), /a callback gave the number 5/)
})

test('timeouts can be cut short, and end with the session', async (t) => {
  const tools = recordingTools()
  const loaded = loadCallback(
    '() => { const t = new Timeout(60), p = t.wait(); new Timeout(1).wait().then(() => t.cancel()); return p }',
    { tools },
  )
  const result = loaded.call()
  tools.clock.advance(1_000)
  t.equal(plainOf(await settled(result)), false)
  loaded.call()
  t.equal(tools.clock.waiting, 2)
  loaded[Symbol.dispose]()
  t.equal(tools.clock.waiting, 0)
  t.throws(() => loadCallback('() => new Timeout(-1)').call(), /a timeout takes 0 to 86400 seconds/)
})

const contextual = `pipy({ _name: '' }).pipeline()
  .replaceMessage(name => { _name = name })
  .replaceMessage(() => shared ??= new Timeout(1).wait().then(() => 'value'))
  .replaceMessage(async () => { const value = await shared; await 5; return _name + ':' + value + ':' + __inbound.id })
  .replaceMessage(() => shared.then(value => _name + ':' + value))
  .replaceMessage(() => Promise.all([shared, 1]).then(() => new Timeout(2).wait()).then(() => _name))`

test('callbacks of promises run in the context that they were given in', async (t) => {
  const tools = recordingTools()
  using guest = loadGuest(`((shared = null) => ${contextual})()`.replace('((shared = null)', '((shared)'), {
    tools,
  })
  const fn = (index: number) => guest.fn('replaceMessage', index)
  const [one, two, three] = ['one', 'two', 'three'].map((value) => {
    const context = guest.open()
    context.call(fn(0), 'nothing', [{ type: 'plain', value }])
    return context
  })
  if (!one || !two || !three) throw new Error('contexts are missing')
  const results = [
    one.call(fn(1), 'value', []),
    two.call(fn(2), 'value', []),
    three.call(fn(3), 'value', []),
    two.call(fn(3), 'value', []),
    three.call(fn(2), 'value', []),
    three.call(fn(4), 'value', []),
  ].map(settled)
  tools.clock.advance(1_000)
  await sleep(1)
  tools.clock.advance(2_000)
  const values = (await Promise.all(results)).map(plainOf)
  t.strictSame(values, ['value', 'two:value:1', 'three:value', 'two:value', 'three:value:1', 'three'])
})

test('what somebody shares survives the exchange that it was begun in', async (t) => {
  const tools = recordingTools()
  using guest = loadGuest(`((shared) => ${contextual})()`, { tools })
  const fn = (index: number) => guest.fn('replaceMessage', index)
  const [one, two] = [guest.open(), guest.open()]
  one.call(fn(1), 'value', [])
  two.call(fn(0), 'nothing', [{ type: 'plain', value: 'two' }])
  const result = settled(two.call(fn(2), 'value', []))
  one.close()
  tools.clock.advance(1_000)
  t.equal(plainOf(await result), 'two:value:1')
})

test('promises of two exchanges that wake each other for ever are stopped', async (t) => {
  using guest = loadGuest(
    `((wake = [() => {}, () => {}], play = async (own, other) => {
      for (;;) { await new Promise(go => { wake[own] = go; wake[other]() }) }
    }) => pipy().pipeline().replaceMessage(() => play(0, 1)).replaceMessage(() => play(1, 0)))()`,
    { limits: { callMs: 50 } },
  )
  const [one, two] = [guest.open(), guest.open()]
  const waiting = one.call(guest.fn('replaceMessage', 0), 'value', [])
  if (waiting.type !== 'promise') throw new Error(waiting.type)
  const rejection = t.rejects(waiting.result, /ran for more than 50 ms/)
  const startedAt = performance.now()
  two.call(guest.fn('replaceMessage', 1), 'value', [])
  t.ok(performance.now() - startedAt < 1_000)
  t.ok(guest.session.isDead)
  await rejection
})

test('when an instance dies all who wait for it hear of it', async (t) => {
  using guest = loadGuest(
    `pipy().pipeline().replaceMessage(() => new Promise(() => {})).replaceMessage(() => new Array(2e8) + '')`,
    { limits: { callMs: 50 } },
  )
  const waiting = guest.open().call(guest.fn('replaceMessage', 0), 'value', [])
  if (waiting.type !== 'promise') throw new Error(waiting.type)
  const rejection = t.rejects(waiting.result, /its instance died/)
  t.throws(() => guest.open().call(guest.fn('replaceMessage', 1), 'value', []), PluginError)
  t.ok(guest.session.isDead)
  await rejection
})

test('an endless chain of promises is stopped, and fails those who wait', async (t) => {
  using loaded = loadCallback('async () => { for (;;) await null }', { limits: { callMs: 30 } })
  const startedAt = performance.now()
  t.throws(() => loaded.call(), /ran for more than 30 ms/)
  t.ok(performance.now() - startedAt < 500)
})

test('what only looks like a promise is none', async (t) => {
  using thenable = loadCallback('() => ({ then(done) { done(5) } })')
  t.equal(thenable.call().type, 'object')
  t.throws(() => thenable.call([], 'events'), /an object that is none/)
  using forged = loadCallback('() => Object.create(Promise.prototype)')
  t.throws(() => forged.call([], 'events'), PluginError)
  using inherited = loadCallback('() => new (class extends Promise { then() { throw 1 } })(done => done(7))')
  t.equal(plainOf(inherited.call()), 7)
})

test('then and await are what they were for scripts', async (t) => {
  using loaded = loadCallback(`async () => [
    await { then(done) { done('thenable') } }, await Promise.all([1, Promise.resolve(2)]).then(String),
    await Promise.reject(3).catch(n => n + 1), await Promise.resolve(5).finally(() => 6),
    Promise.resolve(1) instanceof Promise, (async () => {})().constructor.name, Promise.resolve(1).then(n => n) instanceof Promise,
    await Promise.any([Promise.reject(1), 7]), await (async () => Promise.resolve(8))()
  ].join()`)
  t.equal(plainOf(await settled(loaded.call())), 'thenable,1,2,4,5,true,Promise,true,7,8')
})

import { test } from 'tap'
import { testContext } from '../../../chains/policy/testing.ts'
import type { GuestContext } from '../guest-session.ts'
import { loadCallback, loadGuest, plainOf } from './testing/guest.ts'

test('a clone begins with the values of its parent, and goes its own way from there', async (t) => {
  using guest = loadGuest(`pipy({ _a: 1, _list: null }).pipeline()
    .replaceMessage(() => _a + '/' + _list)
    .replaceMessage(() => { _a = _a + 1; _list = _list || []; _list.push(_a) })`)
  const [read, write] = [guest.fn('replaceMessage', 0), guest.fn('replaceMessage', 1)]
  const values = (context: GuestContext) => plainOf(context.call(read, 'value', []))
  const parent = guest.open()
  const early = guest.open(testContext(), parent)
  parent.call(write, 'nothing', [])
  const late = guest.open(testContext(), parent)
  parent.call(write, 'nothing', [])
  late.call(write, 'nothing', [])
  t.equal(values(early), '1/null')
  t.equal(values(parent), '3/2,3,3', 'objects are shared: only the variables are copied')
  t.equal(values(late), '3/2,3,3')
  late.call(write, 'nothing', [])
  t.equal(String(values(late)).slice(0, 2), '4/')
  t.equal(String(values(parent)).slice(0, 2), '3/')
})

test('contexts of one origin are a family', async (t) => {
  using guest = loadGuest('pipy().pipeline()')
  const parent = guest.open()
  const clone = guest.open(testContext(), parent)
  const other = guest.open()
  t.equal(clone.family, parent.family)
  t.not(other.family, parent.family)
  t.equal(guest.open(testContext(), clone).family, parent.family)
})

test('whoever listens hears of what ran in the family, once it has run', async (t) => {
  using loaded = loadCallback('() => {}')
  const parent = loaded.guest.open()
  const clone = loaded.guest.open(testContext(), parent)
  let heard = 0
  const stop = parent.onActivity(() => {
    heard += 1
  })
  loaded.call([], 'nothing', clone)
  loaded.call([], 'nothing', clone)
  t.equal(heard, 0)
  await Promise.resolve()
  t.equal(heard, 1)
  loaded.call([], 'nothing', loaded.guest.open())
  await Promise.resolve()
  t.equal(heard, 1)
  stop()
  loaded.call([], 'nothing', parent)
  await Promise.resolve()
  t.equal(heard, 1)
})

test('contexts that are over leave nothing behind for those that come', async (t) => {
  using loaded = loadCallback('() => (_seen = (_seen || 0) + 1)', { variables: '_seen: 0' })
  for (let round = 0; round < 40; round += 1) {
    const open = Array.from({ length: round % 30 }, () => loaded.guest.open())
    for (const context of open) t.equal(plainOf(loaded.call([], 'value', context)), 1)
    for (const context of open) context.close()
    for (const context of open) context.close()
  }
})

test('a context that the guest kept is not taken for one that comes much later in its place', async (t) => {
  using guest = loadGuest(`pipy({ _seen: 0 }).pipeline()
    .replaceMessage(() => (_seen = _seen + 1))
    .handleMessageEnd(() => {})`)
  const seen = (context: GuestContext) => plainOf(context.call(guest.fn('replaceMessage'), 'value', []))
  const first = guest.open()
  t.equal(seen(first), 1)
  first.close()
  const numbers = new Set<number>()
  for (let index = 0; index < 2_100; index += 1) {
    const context = guest.open()
    // Needs no context, so the guest does not make one.
    context.call(guest.fn('handleMessageEnd'), 'nothing', [])
    numbers.add(context.id)
    context.close()
  }
  t.notOk(numbers.has(first.id))
  t.equal(seen(guest.open()), 1)
})

test('many exchanges need no more memory than few', async (t) => {
  using loaded = loadCallback("() => (_held = 'x'.repeat(100_000), _held.length)", {
    variables: '_held: null',
  })
  const round = () => {
    const contexts = Array.from({ length: 50 }, () => loaded.guest.open())
    for (const context of contexts) loaded.call([], 'value', context)
    for (const context of contexts) context.close()
  }
  for (let index = 0; index < 5; index += 1) round()
  const before = loaded.guest.session.memoryBytes
  for (let index = 0; index < 20; index += 1) round()
  t.equal(loaded.guest.session.memoryBytes, before)
})

test('elements of an array can be handed to other contexts, until their own is closed', async (t) => {
  using guest = loadGuest(`((list = [{ n: 1 }, { n: 2 }]) => pipy().pipeline()
    .replaceMessage(() => list)
    .replaceMessage((element, index) => (list.includes(element)) + ':' + element.n + ':' + index)
    .replaceMessage(element => String(element)))()`)
  const parent = guest.open()
  const result = parent.call(guest.fn('replaceMessage', 0), 'value', [])
  if (result.type !== 'array') throw new Error(result.type)
  const clone = guest.open(testContext(), parent)
  const given = result.handles.map((handle, index) =>
    plainOf(
      clone.call(guest.fn('replaceMessage', 1), 'value', [
        { type: 'handle', handle },
        { type: 'plain', value: index },
      ]),
    ),
  )
  t.strictSame(given, ['true:1:0', 'true:2:1'])
  parent.close()
  for (let round = 0; round < 40; round += 1) {
    const context = guest.open()
    context.call(guest.fn('replaceMessage', 2), 'value', [])
    context.close()
  }
  const [handle] = result.handles
  if (handle === undefined) throw new Error('there is no handle')
  t.equal(
    plainOf(clone.call(guest.fn('replaceMessage', 2), 'value', [{ type: 'handle', handle }])),
    'undefined',
  )
})

test('an object has the same key each time, and what it is made of', async (t) => {
  using loaded = loadCallback("n => n ? objects[n] : { target: '10.0.0.1:80', f() {} }", {
    variables: '',
  })
  using guest = loadGuest(`((objects = [{ a: 1 }, new Map], f = () => 1) => pipy().pipeline()
    .replaceMessage(n => n < 2 ? objects[n] : n < 3 ? f : { fresh: n }))()`)
  const keyOf = (value: number) => {
    const result = guest.open().call(guest.fn('replaceMessage'), 'value', [{ type: 'plain', value }])
    if (result.type !== 'object') throw new Error(result.type)
    return result
  }
  t.equal(keyOf(0).key, keyOf(0).key)
  t.not(keyOf(0).key, keyOf(1).key)
  t.not(keyOf(3).key, keyOf(3).key)
  t.equal(keyOf(2).key, keyOf(2).key)
  t.strictSame(keyOf(0).json, { a: 1 })
  t.equal(keyOf(2).json, undefined)
  t.strictSame(plainOf(loaded.call()), { target: '10.0.0.1:80' })
})

test('a session that is disposed of fails everything', async (t) => {
  const loaded = loadCallback('() => new Promise(() => {})')
  const pending = loaded.call()
  if (pending.type !== 'promise') throw new Error(pending.type)
  const context = loaded.guest.open()
  loaded[Symbol.dispose]()
  t.ok(loaded.guest.session.isDead)
  await t.rejects(pending.result, /taken out of service/)
  t.throws(() => loaded.call([], 'value', context), /disposed of/)
  t.doesNotThrow(() => context.close())
})

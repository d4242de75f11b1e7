import { test } from 'tap'
import { isContained } from '../guest/containment.ts'
import { loadGuest, plainOf, requestHead, starting, startOf } from './testing/guest.ts'

/** The callback that a text is. */
const callback = (text: string) => new Function(`return (${text})`)() as (...values: unknown[]) => unknown

test('callbacks that only read and write headers and fields can share a message', async (t) => {
  for (const text of [
    'msg => {}',
    '() => {}',
    '( ) => later(() => path)',
    "msg => (msg.head.headers['x-a'] = msg.head.headers.host)",
    '(msg) => { msg.head.path = "/x" + msg.head.method }',
    'msg => void (msg?.head?.headers?.["a b"] && (msg.head.status = 404))',
    'm => check(m.head.headers.authorization, m.head.path)',
    "evt => log('for ' + evt.head.headers[name])",
    'msg => msg.head.headers.a.split(",")',
    '$msg => $msg.head.headers.x ? $msg.head.path : other.$msg2',
  ]) {
    t.ok(isContained(callback(text)), text)
  }
})

test('callbacks that can do more with their message have one of their own', async (t) => {
  for (const text of [
    'msg => msg',
    'msg => keep(msg)',
    'msg => keep(msg.head)',
    'msg => (_h = msg.head.headers)',
    'msg => ({ msg })',
    'msg => msg.head.extra',
    'msg => delete msg.head.headers.a',
    "msg => 'a' in msg.head.headers",
    'msg => () => msg.head.path',
    'msg => { function f() { return msg.head.path } }',
    'msg => ({ later() { return msg.head.path } })',
    'msg => ({ later() /* */ { return msg.head.path } })',
    'msg => ({ get later() { return msg.head.path } })',
    'async msg => msg.head.path',
    'function () { return arguments[0] }',
    '(...all) => all',
    'msg => msg.head.headers.valueOf()',
    'msg => (msg.head.headers.valueOf)()',
    'msg => msg.head.headers["valueOf"]?.()',
    'msg => msg.head.headers[name](1)',
    'msg => msg.head.headers[f(msg.head.headers)]',
    'msg => msg.head.headers[`a`]',
    'msg => m\\u0073g',
    'msg => eval("m" + "sg")',
    'msg => (msg.head.headers = {})',
    'msg => (msg.head = {})',
    'msg => { msg = keep }',
    'msg => { with (msg) keep(head) }',
    '(msg, other) => msg.head.path',
    '({ head }) => keep(head)',
    '(msg = 1) => 1',
    '(...msg) => msg',
    'function (msg) { return 1 }',
    'function (msg) { return arguments[0] }',
    'msg => ({ ...msg.head.headers })',
    'msg => { for (const name in msg.head.headers) keep(name) }',
    'msg => { class A { [msg.head.path]() {} } }',
    'msg => [...msg.head.headers]',
    'msg => msg.head.headers.__lookupGetter__("x")',
  ]) {
    t.notOk(isContained(callback(text)), text)
  }
})

test('both kinds see the same, in any order', async (t) => {
  using guest = loadGuest(`((kept = []) => pipy().pipeline()
    .replaceMessage(msg => { msg.head.headers['x-a'] = msg.head.headers.host + msg.head.path })
    .replaceMessage(msg => { kept.push(msg); msg.head.headers['x-b'] = msg.head.headers['x-a'] })
    .replaceMessage(() => kept.map(msg => msg.head.headers['x-b'] + msg.head.headers['x-c']).join())
    .replaceMessage(msg => { msg.head.headers['x-c'] = msg.head.headers['x-b'] + '!' }))()`)
  const heads = ['one', 'two'].map((host) => requestHead(['Host', host], { path: `/${host}` }))
  const contexts = heads.map(() => guest.open())
  for (const index of [0, 1, 3]) {
    contexts.forEach((context, at) => {
      context.callWithStart(guest.fn('replaceMessage', index), startOf(heads[at] as (typeof heads)[0]))
    })
  }
  t.strictSame(
    heads.map(({ headers }) => headers.get('x-c')),
    ['one/one!', 'two/two!'],
  )
  t.equal(
    plainOf(
      guest.open().call(guest.fn('replaceMessage', 2), 'value', [starting(heads[0] as (typeof heads)[0])]),
    ),
    'one/oneone/one!,two/twotwo/two!',
  )
})

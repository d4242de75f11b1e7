import { test } from 'tap'
import { HeaderList } from '../../../chains/headers.ts'
import type { CallbackArgument } from '../guest-session.ts'
import {
  evaluated,
  loadCallback,
  loadGuest,
  plainOf,
  requestHead,
  responseHead,
  sentBy,
  starting,
  startOf,
  whole,
} from './testing/guest.ts'

/** What a callback sends. */
function sent(callback: string, args: readonly CallbackArgument[] = []): string[] {
  using loaded = loadCallback(callback)
  return sentBy(loaded.call(args, 'events'))
}

const bytes = (text: string): CallbackArgument => ({
  type: 'event',
  event: { type: 'data', bytes: Buffer.from(text) },
})

test('every kind of event can be sent, alone and in arrays', async (t) => {
  t.strictSame(sent('() => {}'), [])
  t.strictSame(sent('() => null'), [])
  t.strictSame(sent("() => new Data('abc')"), ['data abc'])
  t.strictSame(
    sent("() => new MessageStart({ method: 'PUT', path: '/x', headers: { a: 1, b: ['2', 3], c: null } })"),
    ['start PUT /x a=1 b=2 b=3'],
  )
  t.strictSame(
    sent(
      "() => [new MessageStart({ status: 404 }), [[new Data('x')], null], new MessageEnd(null, { n: 1 })]",
    ),
    ['start 404', 'data x', 'end {"n":1}'],
  )
  t.strictSame(sent("() => new Message({ status: 200, headers: { a: 'b' } }, 'body')"), [
    'start 200 a=b',
    'data body',
    'end',
  ])
  t.strictSame(sent("() => new Message('body')"), ['start 0', 'data body', 'end'])
  t.strictSame(sent('() => new Message({ status: 204 })'), ['start 204', 'end'])
  t.strictSame(sent('() => new Message'), ['start 0', 'end'])
})

test('a stream ends well, by a known error, or by anything', async (t) => {
  t.strictSame(sent('() => new StreamEnd'), ['streamEnd null'])
  t.strictSame(sent("() => new StreamEnd('Replay')"), ['streamEnd Replay'])
  t.strictSame(sent("() => new StreamEnd('whatever')"), ['streamEnd RuntimeError whatever'])
  t.strictSame(sent('() => new StreamEnd({ code: 5 })'), ['streamEnd RuntimeError {"code":5}'])
  t.strictSame(sent('() => new StreamEnd(new Error("bad"))'), ['streamEnd RuntimeError bad'])
})

test('anything else is no result', async (t) => {
  const hint =
    /where an event, a Message, an array of these or nothing must come; put what is done only for its effect in void/
  for (const value of [
    '5',
    "'text'",
    'true',
    '{}',
    '[1]',
    '() => 1',
    '[[[new Data], 0]]',
    '({ __proto__: null })',
  ]) {
    t.throws(() => sent(`() => (${value})`), hint, value)
  }
})

test('what comes in is what it was, and goes on as it was', async (t) => {
  t.strictSame(
    sent('data => [data.size, data.toString()].join() === "3,abc" ? data : null', [bytes('abc')]),
    ['data abc'],
  )
  t.strictSame(sent("data => (data.push('d'), data)", [bytes('abc')]), ['data abcd'])
  const given = Buffer.from('same bytes')
  using loaded = loadCallback('data => data')
  const result = loaded.call([{ type: 'event', event: { type: 'data', bytes: given } }], 'events')
  t.equal(result.type === 'events' && result.events[0]?.type === 'data' && result.events[0].bytes, given)
  const end: CallbackArgument = {
    type: 'event',
    event: { type: 'end', trailers: new HeaderList(['X-T', '1']), payload: '{"a":1}' },
  }
  t.equal(
    evaluatedWith('end => [end instanceof MessageEnd, end.tail.headers["x-t"], end.payload.a].join()', [end]),
    'true,1,1',
  )
  t.strictSame(sent('end => end', [end]), ['end {"a":1}'])
  const broken: CallbackArgument = {
    type: 'event',
    event: { type: 'streamEnd', error: 'ConnectionReset', detail: '' },
  }
  t.equal(evaluatedWith('end => end instanceof StreamEnd && end.error', [broken]), 'ConnectionReset')
  t.equal(
    evaluatedWith('end => end.error', [
      { type: 'event', event: { type: 'streamEnd', error: null, detail: '' } },
    ]),
    undefined,
  )
})

function evaluatedWith(callback: string, args: readonly CallbackArgument[]): unknown {
  using loaded = loadCallback(callback)
  return plainOf(loaded.call(args))
}

test('a whole message has its body, and goes on by its own head', async (t) => {
  const head = requestHead(['X-A', '1'])
  t.equal(
    evaluatedWith(
      'msg => [msg instanceof Message, msg.head.path, msg.body.size, msg.body.toString(), msg.tail, msg.payload].join()',
      [whole(head, 'abc')],
    ),
    'true,/cart?id=1,3,abc,,',
  )
  using loaded = loadCallback("msg => (msg.head.path = '/changed', msg)")
  const result = loaded.call([whole(head, 'abc')], 'events')
  t.strictSame(sentBy(result), ['start GET /changed X-A=1', 'data abc', 'end'])
  const [start] = result.type === 'events' ? result.events : []
  t.equal(start?.type === 'start' && start.head, head)
  t.strictSame(sent("msg => (msg.body = new Data('other'), msg)", [whole(head, 'abc')])[1], 'data other')
  t.strictSame(sent('msg => (msg.body = null, msg)', [whole(head, 'abc')]).length, 2)
})

test('a message that is sent twice is two messages', async (t) => {
  using loaded = loadCallback(
    '(start, n) => { _kept ??= start; start.head.headers.n = n; return n === 1 ? [start, start] : _kept }',
    { variables: '_kept: null' },
  )
  const context = loaded.guest.open()
  const head = responseHead(200)
  const heads = [1, 2, 3].flatMap((value) => {
    const argument: CallbackArgument = { type: 'plain', value }
    const result = loaded.call([starting(head), argument], 'events', context)
    return result.type === 'events'
      ? result.events.map((event) => (event.type === 'start' ? event.head : null))
      : []
  })
  t.equal(heads.length, 4)
  t.equal(heads[0], head)
  t.not(heads[1], head)
  t.equal(heads[1]?.headers.get('n'), '1')
  t.equal(heads[2], head, 'it came in again, so it may go out again')
  const again = loaded.guest.session.open(context.cx, null)
  t.not(heads[1]?.headers, head.headers)
  again.close()
})

test('a constant message is fresh each time that it is sent', async (t) => {
  using loaded = loadCallback(
    "((constant = new Message({ status: 403, headers: { a: '1' } }, 'no')) => () => constant)()",
  )
  const first = loaded.call([], 'events')
  const second = loaded.call([], 'events')
  t.strictSame(sentBy(first), sentBy(second))
  const headOf = (result: typeof first) =>
    result.type === 'events' && result.events[0]?.type === 'start' ? result.events[0].head : null
  t.not(headOf(first), headOf(second))
  t.not(headOf(first)?.headers, headOf(second)?.headers)
})

test('a message made with the head of another has a copy of it', async (t) => {
  const head = requestHead(['X-A', '1'], { extra: new Map([['n', '1']]) })
  for (const made of ['new Message(start.head, "x")', '[new MessageStart(start.head), new MessageEnd]']) {
    using loaded = loadCallback(`start => (start.head.headers['x-b'] = 2, ${made})`)
    const result = loaded.call([starting(head)], 'events')
    const [start] = result.type === 'events' ? result.events : []
    if (start?.type !== 'start') throw new Error('nothing was sent')
    t.not(start.head, head)
    t.strictSame(start.head.headers.fields, ['X-A', '1', 'x-b', '2'])
    t.strictSame([...(start.head.extra ?? [])], [['n', '1']])
  }
})

test('heads that cannot be sent are refused', async (t) => {
  const refused = {
    "new Message({ status: 1000 }, '')": '1000 is no status',
    "new Message({ headers: { 'a b': '1' } }, '')": 'is no name of a header',
    "new Message({ headers: { a: 'x\\r\\ny: z' } }, '')": 'has a control character',
    "new Message({ path: 'a b' }, '')": 'cannot be sent as path',
    'new MessageStart(5)': 'a head must be an object, and is 5',
    "new MessageStart({ headers: 'x' })": 'headers must be an object',
    "new MessageEnd({ headers: { 'a\\n': '' } })": 'is no name of a header',
  }
  for (const [value, message] of Object.entries(refused)) {
    t.throws(() => sent(`() => ${value}`), new RegExp(message.replace(/\W/g, '\\$&')), value)
  }
})

test('the truth of a result is all that is asked of a condition', async (t) => {
  using loaded = loadCallback('value => value')
  const truth = (value: string | number | boolean | null) =>
    plainOf(loaded.call([{ type: 'plain', value }], 'truth'))
  t.strictSame(
    [truth(1), truth('x'), truth(true), truth(0), truth(''), truth(null)],
    [true, true, true, false, false, false],
  )
  t.equal(evaluated('[] ? 1 : 0'), 1)
})

test('the hot path does what the general one does', async (t) => {
  using loaded = loadCallback(
    "start => { _n += 1; start.head.headers['x-n'] = _n + start.head.headers.host }",
    { variables: '_n: 0' },
  )
  using contained = loadCallback(
    "start => start.head.headers['x-n'] = start.head.headers.host + start.head.path",
  )
  const fn = loaded.guest.fn('replaceMessage')
  const head = requestHead(['host', 'a'])
  const context = loaded.guest.open()
  t.equal(context.callWithStart(fn, startOf(head)), null)
  t.equal(context.callWithStart(fn, startOf(head)), null)
  t.equal(head.headers.get('x-n'), '2a')
  const other = requestHead(['host', 'b'])
  t.equal(contained.guest.open().callWithStart(contained.guest.fn('replaceMessage'), startOf(other)), null)
  t.equal(other.headers.get('x-n'), 'b/cart?id=1')
})

test('a message that is shown to one callback after the other is always that of the call', async (t) => {
  using guest = loadGuest(`((kept = []) => pipy({ _path: '' }).pipeline()
    .replaceMessage(msg => { _path = msg.head.path; msg.head.path = '/x'; msg.head.headers.n = 5; msg.head.headers.a = null })
    .replaceMessage(msg => { msg.head.headers.list = ['1', '2']; msg.head.headers.back = msg.head.headers.n + msg.head.headers.list
      + msg.head.headers.cookie + msg.head.headers.constructor.name + typeof msg.head.headers.a + msg.head.path + _path })
    .replaceMessage(msg => { msg.head.headers.bad = 'a\\n' })
    .replaceMessage(msg => { kept.push(msg); msg.head.headers.back = msg.head.headers.back + kept.length })
  )()`)
  const heads = ['/1', '/2'].map((path) =>
    requestHead(['a', '1', 'Cookie', 'x=1', 'cookie', 'y=2'], { path }),
  )
  const contexts = [guest.open(), guest.open()]
  const call = (which: number, index: number) =>
    contexts[which]?.callWithStart(
      guest.fn('replaceMessage', index),
      startOf(heads[which] as (typeof heads)[0]),
    )
  for (const index of [0, 1]) for (const which of [0, 1]) call(which, index)
  t.throws(() => call(0, 2), /control character/)
  for (const which of [0, 1]) call(which, 3)
  t.equal(heads[0]?.headers.get('back'), '52x=1,y=2Objectundefined/x/11')
  t.equal(heads[1]?.headers.get('back'), '52x=1,y=2Objectundefined/x/22')
  t.same(
    [...(heads[0]?.headers ?? [])].filter(([name]) => name === 'list'),
    [
      ['list', '1'],
      ['list', '2'],
    ],
  )
})

test('more names of headers than have functions of their own work as well', async (t) => {
  using loaded = loadCallback(
    "msg => { for (let n = 0; n < 90; n += 1) { msg.head.headers[n] = 'v' + n; if (msg.head.headers[n] !== 'v' + n) throw n } }",
  )
  const head = requestHead(['host', 'a'])
  loaded.guest.open().callWithStart(loaded.guest.fn('replaceMessage'), startOf(head))
  t.equal(head.headers.get('89'), 'v89')
  t.equal([...head.headers].length, 91)
})

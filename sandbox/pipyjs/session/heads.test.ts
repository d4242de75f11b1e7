import { test } from 'tap'
import type { CallbackArgument } from '../guest-session.ts'
import {
  type GuestOptions,
  loadCallback,
  plainOf,
  requestHead,
  responseHead,
  starting,
  startOf,
} from './testing/guest.ts'

const fields = ['Host', 'shop.example', 'X-A', '1', 'x-a', '2', 'Cookie', 'a=1', 'Accept', '*/*']

/** What an expression gives for a request with {@link fields}; `msg` and `headers` are its. */
function read(
  expression: string,
  args: readonly CallbackArgument[] = [starting(requestHead(fields))],
  options: GuestOptions = {},
): unknown {
  using loaded = loadCallback(`(msg, more) => (headers => (${expression}))(msg.head.headers)`, options)
  return plainOf(loaded.call(args))
}

/** The headers that a request is left with after a callback. */
function after(callback: string, head = requestHead(fields)): string {
  using loaded = loadCallback(callback)
  loaded.call([starting(head)], 'nothing')
  return head.headers.serialize().trimEnd().replaceAll('\r\n', '\n')
}

test('a head reads as a plain object', async (t) => {
  t.equal(
    read('[msg.head.method, msg.head.path, msg.head.protocol, msg.head.status].join()'),
    'GET,/cart?id=1,HTTP/1.1,',
  )
  t.equal(read('msg instanceof MessageStart && msg.head === msg.head && headers === msg.head.headers'), true)
  t.equal(read('Object.keys(msg.head).join()'), 'protocol,method,path,headers')
  t.equal(
    read('Object.keys(msg.head).join()', [starting(responseHead(200))]),
    'protocol,status,statusText,headers',
  )
  t.equal(
    read("[msg.head.status, 'status' in msg.head, 'method' in msg.head].join()", [
      starting(responseHead(204)),
    ]),
    '204,true,false',
  )
  t.strictSame(read('JSON.parse(JSON.stringify(msg.head))'), {
    protocol: 'HTTP/1.1',
    method: 'GET',
    path: '/cart?id=1',
    headers: { host: 'shop.example', 'x-a': '2', cookie: 'a=1', accept: '*/*' },
  })
  t.strictSame(read('({ ...msg.head, headers: null })'), {
    protocol: 'HTTP/1.1',
    method: 'GET',
    path: '/cart?id=1',
    headers: null,
  })
  t.equal(
    read("'toString' in msg.head && msg.head.hasOwnProperty('path') && !msg.head.hasOwnProperty('toString')"),
    true,
  )
})

test('headers read by their names in lower case, the last of a name counts', async (t) => {
  t.equal(read("headers['x-a'] + headers.host + headers['x-none']"), '2shop.exampleundefined')
  t.equal(read("headers['X-A']"), '2', 'other spellings are taken for the same')
  t.equal(read('Object.keys(headers).join()'), 'host,x-a,cookie,accept')
  t.equal(
    read(
      "'host' in headers && !('x-none' in headers) && headers.hasOwnProperty('x-a') && 'toString' in headers",
    ),
    true,
  )
  t.strictSame(read('Object.assign({}, headers)'), {
    host: 'shop.example',
    'x-a': '2',
    cookie: 'a=1',
    accept: '*/*',
  })
  t.equal(read('Object.entries({ ...headers }).join()'), 'host,shop.example,x-a,2,cookie,a=1,accept,*/*')
  t.equal(
    read('(() => { let names = ""; for (const name in headers) names += name; return names })()'),
    'hostx-acookieaccept',
  )
  t.equal(
    read('typeof headers.toString + typeof headers.constructor + String(headers)'),
    'functionfunction[object Object]',
  )
})

test('cookies that are repeated are arrays, also when they are written', async (t) => {
  const cookies = () => starting(responseHead(200, ['Set-Cookie', 'a=1', 'set-cookie', 'b=2']))
  t.equal(
    read("Array.isArray(headers['set-cookie']) && headers['set-cookie'].join()", [cookies()]),
    'a=1,b=2',
  )
  t.equal(read('headers.cookie'), 'a=1')
  const push = "msg => msg.head.headers['set-cookie'].push('c=3')"
  t.equal(
    after(push, responseHead(200, ['Set-Cookie', 'a=1', 'set-cookie', 'b=2'])),
    'set-cookie: a=1\nset-cookie: b=2\nset-cookie: c=3',
  )
  const assign =
    "msg => { const list = ['x=1', 2, null]; msg.head.headers['set-cookie'] = list; list.push('y=2') }"
  t.equal(after(assign, responseHead(200)), 'set-cookie: x=1\nset-cookie: 2\nset-cookie: y=2')
})

test('what is not touched stays as it came, with its case and its repeats', async (t) => {
  t.equal(
    after("msg => { msg.head.headers['x-b'] = 'new' }"),
    'Host: shop.example\nX-A: 1\nx-a: 2\nCookie: a=1\nAccept: */*\nx-b: new',
  )
  t.equal(
    after("msg => { msg.head.headers['x-a'] = 'one' }"),
    'Host: shop.example\nX-A: one\nCookie: a=1\nAccept: */*',
  )
  t.equal(
    after("msg => { delete msg.head.headers['x-a']; delete msg.head.headers.gone }"),
    'Host: shop.example\nCookie: a=1\nAccept: */*',
  )
  t.equal(
    after(
      "msg => Object.assign(msg.head.headers, { 'x-a': null, accept: undefined, 'X-New': 5, list: ['a', 'b'] })",
    ),
    'Host: shop.example\nCookie: a=1\nx-new: 5\nlist: a\nlist: b',
  )
})

test('fields of a head can be written', async (t) => {
  const head = requestHead(fields)
  using loaded = loadCallback(
    "msg => { msg.head.path = '/other'; msg.head.method = 'POST'; msg.head.note = { a: [1] } }",
  )
  loaded.call([starting(head)], 'nothing')
  t.strictSame([head.path, head.method, [...(head.extra ?? [])]], ['/other', 'POST', [['note', '{"a":[1]}']]])
  const answer = responseHead(200)
  using second = loadCallback(
    "msg => (msg.head.status = '404', msg.head.statusText = 'Gone away', delete msg.head.protocol, Object.keys(msg.head).join())",
  )
  t.equal(plainOf(second.call([starting(answer)])), 'status,statusText,headers')
  t.strictSame([answer.status, answer.statusText], [404, 'Gone away'])
})

test('what a call has written it reads back, and later calls too', async (t) => {
  const write =
    "msg.head.headers['x-a'] = 7; msg.head.path = '/new'; msg.head.extra = { n: 1 }; delete msg.head.headers.accept"
  const look =
    "[msg.head.headers['x-a'], msg.head.path, msg.head.extra.n, msg.head.headers.accept, Object.keys(msg.head.headers)].join()"
  using loaded = loadCallback(`(msg, phase) => { if (phase === 1) { ${write} } return ${look} }`)
  const head = requestHead(fields)
  const context = loaded.guest.open()
  const run = (phase: number) =>
    plainOf(loaded.call([starting(head), { type: 'plain', value: phase }], 'value', context))
  t.equal(run(1), '7,/new,1,,host,x-a,cookie')
  t.equal(run(2), '7,/new,1,,host,x-a,cookie')
})

test('all headers can be replaced at once, and the new object is theirs within the call', async (t) => {
  t.equal(
    after("msg => { msg.head.headers = { 'x-only': 1, list: ['a', 'b'] } }"),
    'x-only: 1\nlist: a\nlist: b',
  )
  t.equal(
    after("msg => { const mine = { a: '1' }; msg.head.headers = mine; mine.b = '2'; delete mine.a }"),
    'b: 2',
  )
  t.equal(after('msg => { msg.head.headers = msg.head.headers }').split('\n').length, 5)
  t.equal(after('msg => { delete msg.head.headers }'), '')
  t.equal(after("msg => { msg.head.headers = { a: '1' }; msg.head.headers.b = '2' }"), 'a: 1\nb: 2')
})

test('a call that fails has written nothing', async (t) => {
  const head = requestHead(fields)
  const before = head.headers.serialize()
  using loaded = loadCallback(
    "(msg, isBad) => { msg.head.headers['x-b'] = '1'; msg.head.headers.list = ['a']; msg.head.path = '/x'; if (isBad) throw new Error('no'); return msg.head.headers['x-c'] }",
  )
  const context = loaded.guest.open()
  t.throws(() => loaded.call([starting(head), { type: 'plain', value: true }], 'value', context), /Error: no/)
  t.equal(head.headers.serialize(), before)
  t.equal(head.path, '/cart?id=1')
  t.equal(
    plainOf(loaded.call([starting(head), { type: 'plain', value: false }], 'value', context)),
    undefined,
  )
  t.equal(head.headers.serialize(), `${before}x-b: 1\r\nlist: a\r\n`)
})

test('texts beyond ASCII go out and come in as UTF-8', async (t) => {
  const head = requestHead(['x-name', Buffer.from('grün').toString('latin1'), 'x-odd', '\xff\xfe'])
  using loaded = loadCallback(
    "msg => (msg.head.headers['x-new'] = 'страна', msg.head.headers['x-name'] + msg.head.headers['x-odd'].length)",
  )
  t.equal(plainOf(loaded.call([starting(head)])), 'grün2')
  t.equal(Buffer.from(head.headers.get('x-new') ?? '', 'latin1').toString(), 'страна')
})

test('no value can bring in another header, or another message', async (t) => {
  const refused = {
    "msg.head.headers['x-b'] = 'a\\r\\nx-c: d'": 'the value for the header x-b has a control character in it',
    "msg.head.headers['x-b'] = ['fine', 'a\\0']": 'the value for the header x-b has a control character',
    "msg.head.headers['x b'] = '1'": '"x b" is no name of a header',
    "msg.head.headers[''] = '1'": '"" is no name of a header',
    "msg.head.headers['x-b: y\\r\\nz'] = '1'": 'is no name of a header',
    "msg.head.headers = { 'a:b': '1' }": '"a:b" is no name of a header',
    "msg.head.headers = 'none'": 'headers must be an object',
    "msg.head.path = '/a b'": '"/a b" cannot be sent as path',
    "msg.head.path = '/a\\r\\nX: y'": 'cannot be sent as path',
    "msg.head.method = 'GET /'": 'cannot be sent as method',
    'msg.head.status = 99': '99 is no status',
    "msg.head.status = 'many'": 'NaN is no status',
    "msg.head.statusText = 'a\\nb'": 'cannot be sent as statusText',
  }
  for (const [statement, message] of Object.entries(refused)) {
    t.throws(() => after(`msg => { ${statement} }`), new RegExp(message.replace(/\W/g, '\\$&')), statement)
  }
})

test('messages are the same objects for as long as their exchange lives', async (t) => {
  using loaded = loadCallback(
    '(msg, other) => { _first ??= msg; return [_first === msg, other === msg, other?.head === msg.head].join() }',
    { variables: '_first: null' },
  )
  const head = requestHead(fields)
  const context = loaded.guest.open()
  const { guest } = loaded
  t.equal(plainOf(loaded.call([starting(head), starting(head)], 'value', context)), 'true,true,true')
  t.equal(
    plainOf(loaded.call([starting(head), { type: 'head', start: startOf(head) }], 'value', context)),
    'true,false,false',
  )
  t.equal(
    plainOf(loaded.call([starting(responseHead(200)), starting(head)], 'value', context)),
    'false,false,false',
  )
  t.not(head.id, 0)
  t.equal(plainOf(loaded.call([starting(head)], 'value', guest.open())), 'true,false,false')
})

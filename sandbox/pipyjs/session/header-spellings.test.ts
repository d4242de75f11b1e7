import { test } from 'tap'
import { loadCallback, plainOf, requestHead, starting } from './testing/guest.ts'

const fields = ['Host', 'shop.example', 'X-A', '1', 'x-b', '2']

test('headerNames says how names are spelt that are not in lower case', (t) => {
  using loaded = loadCallback('msg => msg.head.headerNames')
  t.strictSame(plainOf(loaded.call([starting(requestHead(fields))])), { host: 'Host', 'x-a': 'X-A' })
  t.strictSame(plainOf(loaded.call([starting(requestHead(['x', '1']))])), {})
  using same = loadCallback(
    "msg => [msg.head.headerNames === msg.head.headerNames, 'headerNames' in msg.head].join()",
  )
  t.equal(plainOf(same.call([starting(requestHead(fields))])), 'true,false')
  t.end()
})

test('what a script writes into headerNames is how its headers are sent', (t) => {
  const rows: [callback: string, names: string[]][] = [
    ["msg => { msg.head.headerNames['x-b'] = 'X-B' }", ['Host', 'X-A', 'X-B']],
    ["msg => { msg.head.headerNames = { host: 'hOST', 'x-b': 'x-B' } }", ['hOST', 'X-A', 'x-B']],
    [
      "msg => { msg.head.headerNames = { 'x-new': 'X-NEW' }; msg.head.headers['x-new'] = 'n' }",
      ['Host', 'X-A', 'x-b', 'X-NEW'],
    ],
    // what is no spelling of that name is of no use
    [
      "msg => { msg.head.headerNames = { host: 'Other', 'x-a': 5, 'x-b': 'x-b\\n' } }",
      ['Host', 'X-A', 'x-b'],
    ],
    ["msg => { msg.head.headerNames = 'x' }", ['Host', 'X-A', 'x-b']],
  ]
  for (const [callback, names] of rows) {
    const head = requestHead(fields)
    using loaded = loadCallback(callback)
    loaded.call([starting(head)], 'nothing')
    t.same(
      head.headers.fields.filter((_, at) => at % 2 === 0),
      names,
      callback,
    )
    t.equal(head.headers.get('host'), 'shop.example')
  }
  t.end()
})

test('messages that a script makes have the spellings it gives them', (t) => {
  using loaded = loadCallback(
    "() => new Message({ headers: { 'x-a': [1, 2], 'x-b': 3 }, headerNames: { 'x-a': 'X-A' } })",
  )
  const result = loaded.call([], 'events')
  const [start] = result.type === 'events' ? result.events : []
  t.same(start?.type === 'start' && start.head.headers.fields, ['X-A', '1', 'X-A', '2', 'x-b', '3'])
  t.end()
})

test('a call that fails has spelt nothing', (t) => {
  const head = requestHead(fields)
  using loaded = loadCallback(
    "msg => { if (!msg.head.headerNames['x-b']) { msg.head.headerNames['x-b'] = 'X-B'; throw new Error('no') } }",
  )
  const context = loaded.guest.open()
  for (let count = 0; count < 2; count += 1) {
    t.throws(() => loaded.call([starting(head)], 'nothing', context), { message: /no/ })
  }
  t.same(head.headers.fields, fields)
  t.end()
})

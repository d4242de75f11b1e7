import { test } from 'tap'
import { loadGuest, plainOf, requestHead, starting, type TestGuest } from './testing/guest.ts'

/** A guest that keeps what `what` says of the messages it gets, for good. */
function keeping(what: string): TestGuest {
  return loadGuest(`((kept = []) => pipy().pipeline()
    .replaceMessage(msg => { kept.push(${what}) })
    .replaceMessage(n => (msg => [msg.head.path, msg.head.headers['x-a'], Object.keys(msg.head.headers), msg.head.note?.n,
      JSON.stringify(msg.head)].join())(kept[n]))
    .replaceMessage(n => (head => [head.path, head.headers['x-a']].join())(kept[n]))
    .replaceMessage(n => (headers => [headers['x-a'], 'x-a' in headers, headers.constructor === Object].join())(kept[n]))
    .replaceMessage(n => { const { head } = kept[n]; head.path = '/mine'; head.headers['x-new'] = 1; delete head.headers['x-a']
      head.own = {}; return [head.path, Object.keys(head.headers), Object.keys(head)].join(' ') })
    .replaceMessage(n => kept[n])
  )()`)
}

const head = (id: number) =>
  requestHead(['X-A', `a${id}`, 'Set-Cookie', '1', 'set-cookie', '2'], {
    path: `/${id}`,
    extra: new Map([['note', `{"n":${id}}`]]),
  })

/** Exchanges that are over by now, each with a message of its own, and enough of others to have their places used again. */
function pass(guest: TestGuest, count: number): void {
  for (let id = 0; id < count; id += 1) {
    const context = guest.open()
    context.call(guest.fn('replaceMessage', 0), 'nothing', [starting(head(id))])
    context.close()
  }
}

function look(guest: TestGuest, index: number, n: number): unknown {
  return plainOf(guest.open().call(guest.fn('replaceMessage', index), 'value', [{ type: 'plain', value: n }]))
}

const wholeHead = (id: number) =>
  `/${id},a${id},x-a,set-cookie,${id},{"protocol":"HTTP/1.1","method":"GET","path":"/${id}","headers":{"x-a":"a${id}","set-cookie":["1","2"]},"note":{"n":${id}}}`

test('a message that the script has kept reads on when its exchange is over', async (t) => {
  using guest = keeping('msg')
  pass(guest, 50)
  for (const n of [0, 7, 49]) t.equal(look(guest, 1, n), wholeHead(n))
})

test('a head, or its headers alone, can be kept too', async (t) => {
  using heads = keeping('msg.head')
  pass(heads, 30)
  t.equal(look(heads, 2, 3), '/3,a3')
  using headers = keeping('msg.head.headers')
  pass(headers, 30)
  t.equal(look(headers, 3, 4), 'a4,true,true')
})

test('messages of one exchange beyond the first are kept as well', async (t) => {
  using guest = keeping('msg')
  const context = guest.open()
  for (const id of [0, 1, 2]) context.call(guest.fn('replaceMessage', 0), 'nothing', [starting(head(id))])
  context.close()
  pass(guest, 30)
  for (const n of [0, 1, 2]) t.equal(look(guest, 1, n), wholeHead(n))
})

test('a kept message is the script’s own: it can be changed, and sent', async (t) => {
  using guest = keeping('msg')
  const first = head(0)
  const context = guest.open()
  context.call(guest.fn('replaceMessage', 0), 'nothing', [starting(first)])
  context.close()
  pass(guest, 30)
  t.equal(look(guest, 4, 0), '/mine set-cookie,x-new protocol,method,path,headers,note,own')
  t.equal(first.path, '/0', 'the exchange that it came from is not touched')
  const sent = guest.open().call(guest.fn('replaceMessage', 5), 'events', [{ type: 'plain', value: 0 }])
  const [event] = sent.type === 'events' ? sent.events : []
  if (event?.type !== 'start') throw new Error('nothing was sent')
  t.equal(event.head.path, '/mine')
  t.strictSame(event.head.headers.fields, ['set-cookie', '1', 'set-cookie', '2', 'x-new', '1'])
})

test('messages that nobody keeps cost nothing once they are over', async (t) => {
  using guest = loadGuest('pipy().pipeline().replaceMessage(msg => { msg.head.headers.a; msg.head.path })')
  const round = () => {
    for (let id = 0; id < 500; id += 1) {
      const context = guest.open()
      context.call(guest.fn('replaceMessage'), 'nothing', [starting(head(id))])
      context.close()
    }
  }
  round()
  const before = guest.session.memoryBytes
  for (let rounds = 0; rounds < 10; rounds += 1) round()
  t.equal(guest.session.memoryBytes, before)
})

test('a cycle through a message is no leak either', async (t) => {
  using guest = loadGuest(
    'pipy({ _msg: null }).pipeline().replaceMessage(msg => { msg.self = msg; _msg = msg; msg.head.headers.x })',
  )
  const round = () => {
    for (let id = 0; id < 2_000; id += 1) {
      const context = guest.open()
      context.call(guest.fn('replaceMessage'), 'nothing', [starting(head(id))])
      context.close()
    }
  }
  round()
  const before = guest.session.memoryBytes
  for (let rounds = 0; rounds < 5; rounds += 1) round()
  t.equal(guest.session.memoryBytes, before)
})

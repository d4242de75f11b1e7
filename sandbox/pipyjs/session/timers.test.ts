import { test } from 'tap'
import { recordingTools } from '../../../chains/policy/testing.ts'
import { loadGuest, plainOf } from './testing/guest.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A guest in which six timers are due after a second, each of which takes 40 ms. */
function timing() {
  const tools = recordingTools()
  const guest = loadGuest(
    `((order = []) => pipy().pipeline()
      .replaceMessage(() => void [1, 2, 3, 4, 5, 6].forEach(n => new Timeout(n / 10).wait().then(() => {
        order.push(n)
        for (const until = Date.now() + 40; Date.now() < until; );
      })))
      .replaceMessage(() => order.join()))()`,
    { tools, limits: { callMs: 60 } },
  )
  const context = guest.open()
  const call = (index: number) => context.call(guest.fn('replaceMessage', index), 'value', [])
  call(0)
  return { guest, clock: tools.clock, order: () => plainOf(call(1)) }
}

test('timers that are due at once hold nobody up for long: they are served in order, some in each turn', async (t) => {
  const { guest, clock, order } = timing()
  using _ = guest
  clock.advance(1_000)
  const atOnce = String(order())
  t.ok('1,2,3'.startsWith(atOnce) && atOnce.length > 0, atOnce)
  let before = atOnce.length
  for (let turns = 0; before < '1,2,3,4,5,6'.length && turns < 100; turns += 1) {
    await turn()
    const { length } = String(order())
    t.ok(length - before <= ',4,5'.length, `from ${before} to ${length}`)
    before = length
  }
  t.equal(order(), '1,2,3,4,5,6')
})

test('timers that wait for their turn are nothing any more when the session ends', async (t) => {
  const { guest, clock } = timing()
  clock.advance(1_000)
  guest[Symbol.dispose]()
  await turn()
  await turn()
  t.equal(clock.waiting, 0)
})

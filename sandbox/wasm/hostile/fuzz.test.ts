import { randomInt } from 'node:crypto'
import { type Test, test } from 'tap'
import { PluginFault } from '../../plugin/contract.ts'
import { slowBody } from '../../plugin/testing/kit.ts'
import { behaviourGuest } from '../testing/behaviours.ts'
import { openLoader, type TestLoader } from '../testing/loader.ts'
import { type Hostile, openHostile } from './testing/hostile-guests.ts'
import { type RandomGuest, randomGuest, randomNumbers } from './testing/random-calls.ts'

const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const rounds = 10
const callsEach = 40
const go = '(i32.const 0)'
const started = '(i32.const 1)'

const http = { request_headers: go, request_body: go, response_headers: go, response_body: go, log: '' }
const tcp = { new_connection: go, downstream_data: go, upstream_data: go, done: started }
const root = { configure: started, request_headers: go }

/** What a guest does has no other end than an answer, or a failure that is the plugin's; and the neighbour does not notice. */
async function check(t: Test, guest: Hostile, neighbour: Hostile, talked: string, what: string) {
  t.notMatch(talked, /!(undefined|INTERNAL)/, `${what}: ${talked}`)
  for (const { message } of guest.told.failures) {
    t.match(message, /^plugin tried /, what)
    // A fault of a host function, or a number that is no status.
    t.notMatch(message, / failed: |unreachable/, what)
  }
  const { status, text } = await neighbour.ask({ path: '/next' })
  t.strictSame([status, text], [200, 'you asked for /next'], what)
}

async function inRounds(
  t: Test,
  callbacks: Readonly<Record<string, string>>,
  exchange: (guest: Hostile) => Promise<string>,
): Promise<void> {
  t.comment(`seed ${seed}: FUZZ_SEED=${seed} makes the same calls`)
  const random = randomNumbers(seed)
  using wasm = openLoader()
  const pass = behaviourGuest('pass')
  if (!pass) throw new Error('every guest can pass')
  using neighbour = openHostile(wasm, pass)
  let finished = 0
  for (let round = 0; round < rounds; round += 1) {
    const what = `seed ${seed}, round ${round}`
    using guest = loaded(wasm, randomGuest(random, callbacks, callsEach), t, what)
    if (!guest) continue
    await check(t, guest, neighbour, await exchange(guest), what)
    finished += guest.lines.filter((line) => line.endsWith('done')).length
  }
  t.ok(finished > rounds / 2, `${finished} callbacks made all of their ${callsEach} calls`)
}

/** Null: it could not be started, for a reason of its own. */
function loaded(wasm: TestLoader, { parts }: RandomGuest, t: Test, what: string): Hostile | null {
  try {
    return openHostile(wasm, parts)
  } catch (thrown) {
    t.type(thrown, PluginFault, what)
    t.notMatch(String(thrown), / failed: |unreachable/, what)
    return null
  }
}

const ask = async (guest: Hostile): Promise<string> =>
  (await guest.ask({ method: 'POST', body: slowBody(['some ', 'bytes']) })).text

test('no call in a stream of HTTP does anything but answer with a status', (t) => inRounds(t, http, ask))

test('no call in a connection does anything but answer with a status', (t) =>
  inRounds(t, tcp, (guest) => guest.talk(['some bytes', 'and more'])))

test('no call in a root context does anything but answer with a status', (t) => inRounds(t, root, ask))

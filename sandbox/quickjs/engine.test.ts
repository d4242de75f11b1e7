import { type Test, test } from 'tap'
import type { GuestValue, ScriptEngine } from './contract.ts'
import { createEngine } from './engine.ts'
import { engineCode } from './testing/code.ts'
import { testOptions } from './testing/guests.ts'

const all = Array.from({ length: 65_536 }, (_, unit) => String.fromCharCode(unit)).join('')
const texts = {
  empty: '',
  ASCII: 'abc',
  'NULs at both ends': '\0a\0',
  'Latin-1': 'naïve ÿ\u0080',
  'a byte order mark': '\ufeffx',
  'beyond Latin-1': 'Ā中文',
  'beyond the first plane': '😀👩‍🚀',
  'half a pair, first': '\ud83d',
  'half a pair, second': '\ude00x',
  'pairs the wrong way round': '\ude00\ud83d',
  'every unit there is': all,
  '16,384 units': 'y'.repeat(16_384),
  '16,385 units': 'y'.repeat(16_385),
  '16,385 wide units': 'Ÿ'.repeat(16_385),
  'four million units': 'é'.repeat(4_000_000),
}
const plain = {
  undefined: undefined,
  null: null,
  true: true,
  false: false,
  zero: 0,
  'minus zero': -0,
  'the least integer': -(2 ** 31),
  'past the integers': 2 ** 31,
  'a fraction': 0.1,
  'a tiny number': Number.MIN_VALUE,
  'the largest number': -Number.MAX_VALUE,
  infinity: Number.POSITIVE_INFINITY,
  NaN: Number.NaN,
}

/** What the guest says a text is made of. */
function unitsIn(engine: ScriptEngine, text: string): string {
  engine.call(engine.entry('keep'), [text])
  const source = 'Array.from({ length: kept.length }, (_, i) => kept.charCodeAt(i)).join()'
  return String(engine.call(engine.entry('run'), [source]))
}

function same(t: Test, actual: GuestValue, expected: GuestValue, name: string): void {
  if (expected instanceof Uint8Array) t.same(actual, Buffer.from(expected), name)
  else t.ok(Object.is(actual, expected), name)
}

test('values come back from a guest as they went in', async (t) => {
  using engine = createEngine(engineCode, testOptions({ callMs: 2_000, heapBytes: 64 * 2 ** 20 }))
  const echo = engine.entry('echo')
  for (const [name, text] of Object.entries(texts)) same(t, engine.call(echo, [text]), text, name)
  for (const [name, value] of Object.entries(plain)) same(t, engine.call(echo, [value]), value, name)
  for (const length of [0, 1, 255, 65_536, 1_000_000]) {
    const bytes = Uint8Array.from({ length }, (_, index) => index % 251)
    same(t, engine.call(echo, [bytes]), bytes, `${length} bytes`)
  }
})

test('a guest sees every unit of a text, and finds properties by it', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  for (const text of ['', 'a\0b', 'é', 'Ā', '\ud83d', '\ude00\ud83d', '😀'])
    t.equal(unitsIn(engine, text), Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)).join())
  engine.evaluate('var table = { "é": 1, "Ā": 2, "a\\0b": 3, plain: 4, "\\ud83d": 5 }', 'table.js', null)
  for (const [index, name] of ['é', 'Ā', 'a\0b', 'plain', '\ud83d'].entries()) {
    engine.call(engine.entry('keep'), [name])
    t.equal(engine.call(engine.entry('run'), ['table[kept]']), index + 1, JSON.stringify(name))
  }
})

test('texts that a guest puts together cross as well as any', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const twice = engine.entry('twice')
  for (const part of ['x'.repeat(9_000), 'é'.repeat(9_000), 'Ā\0\ud800'.repeat(9_000)])
    t.equal(engine.call(twice, [part]), part + part)
  t.equal(engine.call(engine.entry('run'), ['length("a".repeat(9000) + "é".repeat(9000))']), 18_000)
})

test('a NaN with anything in it is a NaN in the guest', async (t) => {
  const forged = new Float64Array(new BigUint64Array([0x7fff_ffff_0051_0000n, 0xffff_fff9_0051_0000n]).buffer)
  using engine = createEngine(engineCode, testOptions({}, { ask: () => forged[0] as number }))
  for (const value of forged) {
    engine.call(engine.entry('keep'), [value])
    t.equal(engine.call(engine.entry('run'), ['typeof kept + kept']), 'numberNaN')
  }
  t.ok(Number.isNaN(engine.call(engine.entry('ask'), [])))
})

test('numbers go the short way', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const sum = engine.entry('sum')
  t.equal(engine.callNumbers(sum, 1, 2, 3), 6)
  t.equal(engine.callNumbers(sum, 1.5, -2, 2 ** 40), 2 ** 40 - 0.5)
  t.ok(Number.isNaN(engine.callNumbers(engine.entry('nothing'), 1, 2, 3)))
})

test('the host is asked with any number of values and answers with one', async (t) => {
  const seen: unknown[] = []
  const bytes = Uint8Array.of(1, 2, 3)
  const options = testOptions(
    {},
    {
      ask: (call) => {
        seen.push(call.count, call.string(0), call.number(1), call.boolean(2), call.bytes(3))
        seen.push(call.isUndefined(4), call.isUndefined(9), call.number(0), call.boolean(1), call.number(9))
        return '\0😀'
      },
    },
  )
  using engine = createEngine(engineCode, options)
  t.equal(engine.call(engine.entry('ask'), ['text', 2.5, true, bytes, undefined]), '\0😀')
  t.same(seen, [5, 'text', 2.5, true, Buffer.from(bytes), true, true, Number.NaN, false, Number.NaN])
})

test('what the host answers reaches the guest, whatever it is', async (t) => {
  let answer: GuestValue
  using engine = createEngine(engineCode, testOptions({ callMs: 2_000 }, { ask: () => answer }))
  for (const value of [...Object.values(plain), ...Object.values(texts), Uint8Array.of(7, 0)]) {
    answer = value
    same(t, engine.call(engine.entry('ask'), []), value, String(value).slice(0, 20))
  }
})

test('jobs that are due run before a call returns', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const run = engine.entry('run')
  engine.call(run, [
    'var steps = []; (async () => { for (let i = 0; i < 100; i++) steps.push(await i) })(); 0',
  ])
  t.equal(engine.call(run, ['steps.length']), 100)
  engine.evaluate('Promise.resolve().then(() => { steps = 7 })', 'later.js', null)
  t.equal(engine.call(run, ['steps']), 7)
})

test('a script is evaluated once, or only looked at', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const [keep, run] = [engine.entry('keep'), engine.entry('run')]
  engine.evaluate('var count = (globalThis.count || 0) + 1; ({ answer: 42 })', 'a.js', keep)
  t.equal(engine.call(run, ['kept.answer + count']), 43)
  engine.evaluate('count = 99', 'a.js', null, true)
  t.equal(engine.call(run, ['count']), 1)
  engine.evaluateModule('export const a = 1; export default await Promise.resolve(2)', 'm.js', keep)
  t.equal(engine.call(run, ['kept.a + kept.default']), 3)
})

test('an entry that is not there, of another guest, or with too much is a mistake of the caller', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  using other = createEngine(engineCode, testOptions())
  t.throws(() => engine.entry('toString'), /no entry toString; it has run, twice/)
  t.throws(() => engine.call(other.entry('sum'), []), /sum is no entry of this guest/)
  t.throws(() => engine.call(engine.entry('sum'), Array<number>(17).fill(1)), RangeError)
  t.equal(engine.callNumbers(engine.entry('sum'), 1, 1, 1), 3)
  t.notOk(engine.isDead)
})

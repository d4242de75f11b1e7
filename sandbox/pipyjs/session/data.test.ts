import { test } from 'tap'
import { evaluated, loadCallback, plainOf } from './testing/guest.ts'

/** What an expression with `data`, made of `0123456789` in three pieces, gives. */
function withData(expression: string): unknown {
  return evaluated(`(data => (${expression}))(new Data('0123').push('45').push(new Data('6789')))`)
}

test('Data is cut from both ends', async (t) => {
  t.equal(withData("[data.shift(3), data.pop(2), data, data.size].join('|')"), '012|89|34567|5')
  t.equal(
    withData("[data.shift(100), data, data.size, data.shift(1).size, data.pop(1).size].join('|')"),
    '0123456789||0|0|0',
  )
  t.equal(withData("[data.shift(-1).size, data.shift(1.9), data.shift(NaN).size].join('|')"), '0|0|0')
})

test('Data is cut where a function says', async (t) => {
  t.equal(withData("[data.shiftTo(byte => byte === 0x35), data].join('|')"), '012345|6789')
  t.equal(withData("[data.shiftWhile(byte => byte < 0x35), data].join('|')"), '01234|56789')
  t.equal(withData("[data.shiftTo(() => false), data].join('|')"), '0123456789|')
  t.equal(withData("[data.shiftWhile(() => true), data].join('|')"), '0123456789|')
})

test('Data that was taken shares nothing with the rest', async (t) => {
  t.equal(
    withData("(a => (data.push('x'), a.push('y'), [a, data].join('|')))(data.shift(5))"),
    '01234y|56789x',
  )
  t.equal(withData('(data.push(data), data.toString())'), '01234567890123456789')
  t.equal(withData('(copy => (data.shift(9), copy.toString()))(new Data(data))'), '0123456789')
})

test('Data is made of texts in all encodings, and gives them back', async (t) => {
  const pairs = {
    utf8: 'grün',
    utf16le: 'grün',
    utf16be: 'grün',
    hex: '00ff10',
    base64: 'AP8Q',
    base64url: 'AP-_',
  }
  for (const [encoding, text] of Object.entries(pairs)) {
    t.equal(evaluated(`new Data('${text}', '${encoding}').toString('${encoding}')`), text)
  }
  t.equal(evaluated("new Data('00ff', 'hex').toArray().join()"), '0,255')
  t.equal(evaluated('new Data([1, 2, 300]).toArray().join()'), '1,2,44')
  t.equal(evaluated("new Data('a\\0b').size + new Data('a\\0b').toString().length"), 6)
  t.equal(evaluated('new Data(new Uint8Array([65, 66]).buffer).toString()'), 'AB')
})

test('what is no text of an encoding is said so', async (t) => {
  t.equal(evaluated('new Data([255]).toString() === undefined'), true)
  t.equal(evaluated("Data.from('xyz', 'hex') === null && Data.from('a', 'base64') === null"), true)
  t.equal(evaluated("Data.from('ff', 'hex').size"), 1)
  t.throws(() => evaluated("new Data('x', 'latin9')"), /there is no encoding latin9; there are utf8/)
  t.throws(
    () => evaluated('new Data(5)'),
    /Data is made of a string, Data or an array of bytes, and not of 5/,
  )
})

test('JSON is read from Data and written to it', async (t) => {
  t.equal(evaluated('JSON.decode(new Data(\'{"a":[1]}\')).a[0]'), 1)
  t.equal(
    evaluated("JSON.encode({ a: 1 }).toString() + JSON.stringify({ d: new Data('x') })"),
    '{"a":1}{"d":"x"}',
  )
})

test('large Data goes in and out whole', async (t) => {
  using loaded = loadCallback('data => (data.push("!"), data.shift(1), data)')
  const bytes = Buffer.alloc(3_000_000, 'abc')
  const result = loaded.call([{ type: 'bytes', bytes }], 'events')
  const [event] = result.type === 'events' ? result.events : []
  const expected = Buffer.concat([bytes.subarray(1), Buffer.from('!')])
  t.ok(event?.type === 'data' && expected.equals(event.bytes))
  t.equal(plainOf(loaded.call([{ type: 'bytes', bytes }], 'truth')), true)
})

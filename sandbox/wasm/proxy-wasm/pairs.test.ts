import { test } from 'tap'
import { decodePairs, encodePairs, pairsSize } from './pairs.ts'

test('pairs are written with their lengths first and a zero behind each text', async (t) => {
  const bytes = encodePairs(['some_data', '9'])
  t.equal(
    Buffer.from(bytes).toString('hex'),
    `010000000900000001000000${Buffer.from('some_data\x009\0').toString('hex')}`,
  )
  t.equal(bytes.length, 24)
  t.equal(pairsSize(['some_data', '9']), 24)
  t.same(decodePairs(bytes), ['some_data', '9'])
})

test('pairs with any bytes come back as they were', async (t) => {
  const every = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte))
  const pairs = ['a', every, '', '', 'a', '1']
  t.same(decodePairs(encodePairs(pairs)), pairs)
})

test('an empty map is no bytes from us, and none or a zero from a guest', async (t) => {
  t.equal(encodePairs([]).length, 0)
  t.equal(pairsSize([]), 0)
  t.same(decodePairs(new Uint8Array(0)), [])
  t.same(decodePairs(new Uint8Array(4)), [])
})

test('whatever is wrong with pairs makes them an empty map', async (t) => {
  const good = encodePairs(['name', 'value'])
  const changed = (at: number, value: number) => Uint8Array.from(good).fill(value, at, at + 1)
  const many = encodePairs(Array.from({ length: 1_025 * 2 }, () => 'x'))
  t.equal(decodePairs(encodePairs(Array.from({ length: 2_048 }, () => 'x'))).length, 2_048)
  t.equal(decodePairs(encodePairs(['x', 'y'.repeat(1_048_576 - 15)])).length, 2)
  const cases: [string, Uint8Array][] = [
    ['too many', many],
    ['too long', encodePairs(['x', 'y'.repeat(1_048_576 - 14)])],
    ['no zero behind the name', changed(16, 1)],
    ['no zero at the end', changed(good.length - 1, 1)],
    ['a byte too many', Uint8Array.from([...good, 0])],
    ['a length beyond the end', changed(7, 0xff)],
    ['a count beyond the end', changed(0, 200)],
    ['three bytes', new Uint8Array(3)],
  ]
  for (const [what, bytes] of cases) t.same(decodePairs(bytes), [], what)
})

import { test } from 'tap'
import { fixed, mebibytes, median, medianOf, ratio, table } from './statistics.ts'

test('the median is the middle, or the mean of the two in the middle', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.ok(Number.isNaN(median([])))
  t.equal(
    medianOf([{ a: 5 }, { a: 1 }, { a: 9 }], ({ a }) => a),
    5,
  )
})

test('numbers that are not there are dashes', async (t) => {
  t.strictSame([fixed(1.005, 1), fixed(Number.NaN, 1)], ['1.0', '–'])
  t.strictSame([ratio(3, 2), ratio(1, 0), ratio(1, Number.NaN)], ['1.50 ×', '–', '–'])
  t.equal(mebibytes(1_572_864), '1.5')
})

test('a table is Markdown, with numbers to the right', async (t) => {
  const lines = table(
    ['proxy', 'µs'],
    [
      ['a', '1.0'],
      ['long name', '10.0'],
    ],
  ).split('\n')
  t.strictSame(lines, [
    '| proxy     |   µs |',
    '| --------- | ---: |',
    '| a         |  1.0 |',
    '| long name | 10.0 |',
  ])
})

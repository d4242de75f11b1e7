import { test } from 'tap'
import { readable } from './table.ts'

const lines = (...all: string[]) => `${all.join('\n')}\n`

test('a list of objects is a table, with a dash for what is not there', async (t) => {
  t.equal(
    readable([
      { a: 1, b: null },
      { a: '', c: 'x' },
    ]),
    lines('a  b  c', '1  -  -', '-  -  x'),
  )
  t.equal(readable([]), '(none)\n')
})

test('an object with tables in it has its plain values first', async (t) => {
  const value = { rows: [{ a: 1 }], name: 'x', longer: true, none: [] }
  t.equal(
    readable(value),
    lines('name    x', 'longer  true', '', 'rows', '  a', '  1', '', 'none', '  (none)'),
  )
})

test('rows within a row have a line each, and texts stand below it', async (t) => {
  t.equal(
    readable([
      { id: 1, parts: [{ n: 1 }, { n: 22, m: 0 }], notes: ['one', 'two'] },
      { id: 2, parts: [], notes: [] },
    ]),
    lines('id  parts.n  parts.m', '1   1        -', '1   22       0', '  one', '  two', '2   -        -'),
  )
})

test('what is neither is JSON, and nothing in a table acts on a terminal', async (t) => {
  for (const value of [
    { level: 'info' },
    { a: { b: 1 } },
    'x',
    null,
    [1, 2],
    { rows: [{ a: 1 }], deep: { x: {} } },
  ])
    t.equal(readable(value), `${JSON.stringify(value, null, 2)}\n`)
  t.equal(readable([{ 'k\n': '\u001b[2J', o: { x: '\u2028' } }]), lines('k?    o', '?[2J  {"x":"?"}'))
})

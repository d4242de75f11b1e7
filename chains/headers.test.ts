import { test } from 'tap'
import { HeaderList } from './headers.ts'

test('a header list keeps case, order and repeats, and compares names without case', async (t) => {
  const list = new HeaderList(['Host', 'a', 'X-Two', '1', 'x-two', '2'])
  t.equal(list.get('host'), 'a')
  t.strictSame(list.getAll('x-two'), ['1', '2'])
  t.strictSame(list.fields, ['Host', 'a', 'X-Two', '1', 'x-two', '2'])
  t.equal(list.get('missing'), undefined)
})

test('set replaces the first field of a name and removes its repeats', async (t) => {
  const list = new HeaderList(['X-Two', '1', 'Host', 'a', 'x-two', '2', 'X-TWO', '3'])
  list.set('x-two', '9')
  t.strictSame(list.fields, ['X-Two', '9', 'Host', 'a'])
  list.set('New', 'n')
  t.strictSame(list.fields, ['X-Two', '9', 'Host', 'a', 'New', 'n'])
})

test('delete and deleteAll remove every repeat', async (t) => {
  const list = new HeaderList(['A', '1', 'B', '2', 'a', '3', 'C', '4'])
  list.delete('a')
  t.strictSame(list.fields, ['B', '2', 'C', '4'])
  list.deleteAll(new Set(['b', 'c']))
  t.equal(list.size, 0)
})

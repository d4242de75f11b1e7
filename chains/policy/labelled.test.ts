import { test } from 'tap'
import { labelled } from './labelled.ts'

test('one thing is made for each name, however many objects bear it', async (t) => {
  const made: string[] = []
  const valueFor = labelled((name) => made.push(name))
  const cart = { name: 'cart' }
  t.equal(valueFor(cart), 1)
  t.equal(valueFor(cart), 1)
  t.equal(valueFor({ name: 'cart' }), 1)
  t.equal(valueFor(null), 2)
  t.strictSame(made, ['cart', ''])
})

test('names beyond the bound share what is made for other', async (t) => {
  const valueFor = labelled((name) => name, 2)
  t.strictSame(
    ['a', 'b', 'c', 'd', 'a', 'c'].map((name) => valueFor({ name })),
    ['a', 'b', 'other', 'other', 'a', 'other'],
  )
})

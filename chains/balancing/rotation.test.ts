import { test } from 'tap'
import { countOf } from './fixtures.ts'
import { Rotation } from './rotation.ts'

function turns(rotation: Rotation, count: number): number[] {
  return Array.from({ length: count }, () => rotation.next())
}

test('equal weights take turns', async (t) => {
  t.same(turns(new Rotation([7, 7, 7], { at: 0 }), 6), [0, 1, 2, 0, 1, 2])
})

test('heavy ones are spread out among the light', async (t) => {
  t.same(turns(new Rotation([5, 1, 1], { at: 0 }), 7), [0, 0, 1, 0, 2, 0, 0])
})

test('each comes up exactly as often as its weight says, whatever the weights', async (t) => {
  t.same(countOf(turns(new Rotation([90, 10], { at: 3 }), 1_000).map(String)), { 0: 900, 1: 100 })
  t.same(countOf(turns(new Rotation([99_991, 9], { at: 0 }), 100_000).map(String)), { 0: 99_991, 1: 9 })
  t.same(countOf(turns(new Rotation([0.5, 1.5], { at: 0 }), 400).map(String)), { 0: 100, 1: 300 })
  t.same(countOf(turns(new Rotation([0.5, 0.5], { at: 0 }), 400).map(String)), { 0: 200, 1: 200 })
})

test('a cursor carries on where another rotation stopped, even a longer one', async (t) => {
  const cursor = { at: 0 }
  turns(new Rotation([1, 1, 1, 1, 1], cursor), 4)
  t.same(turns(new Rotation([1, 1, 1], cursor), 3), [1, 2, 0])
})

test('an empty rotation gives nobody', async (t) => {
  t.same(turns(new Rotation([], { at: 5 }), 3), [-1, -1, -1])
})

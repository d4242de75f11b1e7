import { test } from 'tap'
import { countOf } from './fixtures.ts'
import { Ring } from './ring.ts'

const names = Array.from({ length: 10 }, (_, index) => `10.0.0.${index}:80`)
const keys = Array.from({ length: 20_000 }, (_, index) => `user-${index}`)

function ownersOf(members: readonly string[], weights = members.map(() => 100)): string[] {
  const ring = new Ring(members, weights)
  return keys.map((key) => members[ring.ownerAt(ring.positionOf(key))] as string)
}

test('keys spread evenly over equal members', async (t) => {
  const counts = Object.values(countOf(ownersOf(names)))
  t.equal(counts.length, 10)
  for (const count of counts) t.ok(count > 1_500 && count < 2_500, `${count} of 20,000`)
})

test('a new member takes its share, and nothing else moves', async (t) => {
  const before = ownersOf(names)
  const after = ownersOf([...names, 'new:80'])
  const moved = keys.filter((_, index) => before[index] !== after[index])
  t.ok(moved.length > 1_000 && moved.length < 2_800, `${moved.length} moved`)
  t.ok(after.every((owner, index) => owner === before[index] || owner === 'new:80'))
})

test('a member that goes leaves its keys to others, and nothing else moves', async (t) => {
  const before = ownersOf(names)
  const after = ownersOf(names.slice(1))
  t.ok(after.every((owner, index) => owner === before[index] || before[index] === names[0]))
})

test('the order of the members does not matter', async (t) => {
  t.same(ownersOf(names.toReversed()), ownersOf(names))
})

test('weights count, and a light newcomer moves only what it takes', async (t) => {
  const weighted = countOf(ownersOf(['a:1', 'b:1'], [300, 100]))
  t.ok((weighted['a:1'] ?? 0) > 13_500 && (weighted['a:1'] ?? 0) < 16_500, `${weighted['a:1']} of 20,000`)
  const before = ownersOf(names)
  const after = ownersOf([...names, 'canary:80'], [...names.map(() => 100), 1])
  t.ok(after.every((owner, index) => owner === before[index] || owner === 'canary:80'))
})

test('the ring is bounded, however many members there are and whatever they weigh', async (t) => {
  const many = Array.from({ length: 2_000 }, (_, index) => `m${index}`)
  t.ok(
    new Ring(
      many,
      many.map((_, index) => 1 + index * 1e6),
    ).size <=
      65_536 + many.length,
  )
})

import { test } from 'tap'
import { isoTimeWriter } from './iso-time.ts'

test('times are written as Date writes them, within a second and from one to the next', async (t) => {
  const write = isoTimeWriter()
  const start = Date.UTC(2026, 11, 31, 23, 59, 59)
  for (const ms of [0, 0.9, 7, 7.5, 42, 999, 999.9, 1_000, 1_001, 500, 61_234, -1, -31_536_000_000]) {
    t.equal(write(start + ms), new Date(Math.floor(start + ms)).toISOString())
  }
  t.equal(write(-1), '1969-12-31T23:59:59.999Z')
})

import { test } from 'tap'
import { statusClass, statusLabel } from './statuses.ts'

test('statuses keep their number and their first digit, and all else is 0', async (t) => {
  t.strictSame([100, 204, 404, 599].map(statusLabel), ['100', '204', '404', '599'])
  t.strictSame([100, 204, 404, 599].map(statusClass), [1, 2, 4, 5])
  for (const wrong of [0, 99, 600, -200, 200.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.strictSame([statusLabel(wrong), statusClass(wrong)], ['0', 0])
  }
})

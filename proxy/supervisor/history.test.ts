import { test } from 'tap'
import { GenerationHistory } from './history.ts'

test('the last 20 attempts are remembered, newest first, and numbers count up', async (t) => {
  const history = new GenerationHistory()
  for (let round = 0; round < 25; round += 1) {
    const generation = history.next()
    history.add({ generation, source: 'a.yaml', cause: 'SIGHUP', outcome: 'ok', reasons: [] })
  }
  const numbers = history.list().map(({ generation }) => generation)
  t.equal(numbers.length, 20)
  t.strictSame([numbers[0], numbers.at(-1)], [25, 6])
  t.match(history.list()[0]?.time, /^\d{4}-\d\d-\d\dT.*Z$/)
})

test('of a config with countless faults only the first are kept', async (t) => {
  const history = new GenerationHistory()
  const reasons = Array.from({ length: 1_000 }, (_, index) => `fault ${index}`)
  history.add({ generation: 1, source: 'a.yaml', cause: 'start', outcome: 'refused', reasons })
  const [record] = history.list()
  t.equal(record?.reasons.length, 51)
  t.equal(record?.reasons.at(-1), 'and 950 more faults')
})

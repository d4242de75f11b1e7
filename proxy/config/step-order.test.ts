import { test } from 'tap'
import { defaultSteps } from '../../chains/catalogue.ts'
import { chainNames } from '../../chains/model.ts'
import { inGivenOrder } from './step-order.ts'

test('a list of steps keeps its order, whatever the order is', (t) => {
  for (const chain of chainNames) {
    const usual = defaultSteps('pillion')[chain].map((step) => step.name)
    const lists = [
      usual,
      usual.toReversed(),
      ['plugins/a.js', ...usual, 'plugins/z.js'],
      usual.flatMap((name, i) => [name, `plugins/${i}.js`, `plugins/${i}b.js`]),
      ['plugins/a.js'],
      [],
    ]
    for (const names of lists) {
      const steps = inGivenOrder(chain, names)
      t.same(
        steps.map((step) => step.name),
        names,
      )
      t.ok(
        steps.every((step, i) => i === 0 || step.priority < (steps[i - 1]?.priority ?? 0)),
        'priorities descend',
      )
    }
    t.same(
      inGivenOrder(chain, usual),
      defaultSteps('pillion')[chain],
      'built-in steps in their usual order have their usual priorities',
    )
  }
  t.end()
})

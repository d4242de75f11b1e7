import { choice, list, map, object, type Read, required, text, withDefault } from '../shape/shape.ts'
import { anyText, name } from '../shape/texts.ts'
import type { Reporter } from './report.ts'

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const

const requirementShape = object('labelRequirement', {
  key: required(text(name), 'Name of the label.'),
  operator: required(choice(operators), 'In and NotIn need values; Exists and DoesNotExist have none.'),
  values: withDefault(list(text(anyText)), [], 'What the label may be, or may not be.'),
})

/** Kubernetes' LabelSelector. All that it says must hold; one that says nothing selects everything. */
export const selectorShape = object('labelSelector', {
  matchLabels: withDefault(map(name, text(anyText)), {}, 'Label → the value that it must have.'),
  matchExpressions: withDefault(list(requirementShape), [], 'Tests of labels.'),
})

/** A selector, as it was read. */
export type Selector = Read<typeof selectorShape>

type Labels = Readonly<Record<string, string>>

/** Whether labels meet a selector; one that is missing selects everything. */
export function selects(selector: Selector | null, labels: Labels): boolean {
  if (!selector) return true
  const has = (key: string) => Object.hasOwn(labels, key)
  return (
    Object.entries(selector.matchLabels).every(([key, value]) => has(key) && labels[key] === value) &&
    selector.matchExpressions.every(({ key, operator, values }) => {
      if (operator === 'Exists') return has(key)
      if (operator === 'DoesNotExist') return !has(key)
      const isListed = has(key) && values.includes(labels[key] ?? '')
      return operator === 'In' ? isListed : !isListed
    })
  )
}

/** The labels that a selector asks for. */
export function keysOf(selector: Selector | null): readonly string[] {
  if (!selector) return []
  return [...Object.keys(selector.matchLabels), ...selector.matchExpressions.map(({ key }) => key)]
}

/** Reports tests that have values where none can be, or none where some must be. */
export function checkSelector(selector: Selector | null, report: Reporter): void {
  for (const requirement of selector?.matchExpressions ?? []) {
    const { operator, values } = requirement
    const needsValues = operator === 'In' || operator === 'NotIn'
    if (needsValues === values.length > 0) continue
    const message = needsValues ? 'needs at least one value' : 'has no values'
    report.add(report.pathOf(requirement, 'values'), `${operator} ${message}`)
  }
}

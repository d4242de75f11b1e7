import { findModule } from '../../chains/catalogue.ts'
import type { ChainName, StepConfig } from '../../chains/model.ts'

/**
 * Compares steps of a chain by their places: higher priorities first; at the
 * same one built-in steps as they came, then plugins by name.
 */
export function byPlace(a: StepConfig, b: StepConfig): number {
  const isPlugin = (step: StepConfig): boolean => step.name.startsWith('plugins/')
  if (a.priority !== b.priority) return b.priority - a.priority
  if (!isPlugin(a) || !isPlugin(b)) return Number(isPlugin(a)) - Number(isPlugin(b))
  return a.name < b.name ? -1 : Number(a.name > b.name)
}

/** How far apart steps are put where no built-in stands on the other side. */
const openGap = 10

/**
 * Gives priorities to steps that come as a mere list, so that their order is
 * kept: built-in steps have their usual ones as far as those descend, the rest
 * are spread evenly between.
 */
export function inGivenOrder(chain: ChainName, names: readonly string[]): readonly StepConfig[] {
  const steps: StepConfig[] = []
  let pending: string[] = []
  let above = Number.POSITIVE_INFINITY
  const place = (below: number) => {
    const count = pending.length
    pending.forEach((name, i) => {
      const isOpenAbove = above === Number.POSITIVE_INFINITY
      const gap = isOpenAbove || below === Number.NEGATIVE_INFINITY ? openGap : (above - below) / (count + 1)
      const priority = isOpenAbove ? Math.max(below, 0) + gap * (count - i) : above - gap * (i + 1)
      steps.push({ name, priority })
    })
    pending = []
  }
  for (const name of names) {
    const usual = findModule(chain, name)?.priority
    if (usual === undefined || usual >= above) pending.push(name)
    else {
      place(usual)
      steps.push({ name, priority: usual })
      above = usual
    }
  }
  place(Number.NEGATIVE_INFINITY)
  return steps
}

import { defaultSteps, findModule, modulesFor } from '../../../chains/catalogue.ts'
import { type ChainName, chainNames, type Model, type StepConfig } from '../../../chains/model.ts'
import { type Path, show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import { closest } from '../shape/closest.ts'
import { inGivenOrder } from '../step-order.ts'
import type { ChainSpec, ConfigSpec } from './config-shape.ts'

/** The chains with what the config changes in them. */
export function chainsOf(config: ConfigSpec, faults: FaultList): Model['chains'] {
  const usual = defaultSteps('pillion')
  const chain = (name: ChainName): readonly StepConfig[] => {
    const spec = config.chains?.[name]
    return spec ? changedChain(name, usual[name], spec, faults) : usual[name]
  }
  return Object.fromEntries(chainNames.map((name) => [name, chain(name)])) as Model['chains']
}

/** Where the config names a step of a chain. */
export function stepPath(config: ConfigSpec, chain: ChainName, step: string, faults: FaultList): Path {
  const spec = config.chains?.[chain]
  if (!spec) return ['chains', chain]
  return faults.pathOf(spec, Array.isArray(spec) ? spec.indexOf(step) : step)
}

function changedChain(
  chain: ChainName,
  usual: readonly StepConfig[],
  spec: ChainSpec,
  faults: FaultList,
): readonly StepConfig[] {
  const places = new Map(usual.map(({ name, priority }) => [name, priority]))
  if (Array.isArray(spec)) {
    const names = new Set<string>()
    spec.forEach((word: string, i) => {
      const name = stepNamed(chain, word, faults.pathOf(spec, i), 'value', faults)
      if (name && names.has(name))
        faults.add(faults.pathOf(spec, i), `is ${show(word)}, which is in the list already`)
      if (name) names.add(name)
    })
    return inGivenOrder(chain, [...names])
  }
  for (const [word, place] of Object.entries(spec as Readonly<Record<string, number | 'off'>>)) {
    const name = stepNamed(chain, word, faults.pathOf(spec, word), 'key', faults)
    if (name === null) continue
    if (place === 'off') places.delete(name)
    else places.set(name, place)
  }
  const steps = [...places].map(([name, priority]): StepConfig => ({ name, priority }))
  return steps.toSorted((a, b) => b.priority - a.priority)
}

/** The file name of a step: a short name, a file name, or `plugins/NAME.js`. */
function stepNamed(
  chain: ChainName,
  word: string,
  path: Path,
  at: 'key' | 'value',
  faults: FaultList,
): string | null {
  const known = findModule(chain, word)
  if (known) return known.file
  if (/^plugins\/[^/\s]+\.js$/.test(word)) return word
  const shorts = modulesFor(chain).map((module) => module.name)
  const best = closest(word, shorts)
  const expected = `expected one of ${shorts.join(', ')}, or plugins/NAME.js`
  faults.add(path, `is ${show(word)}: ${expected}${best === null ? '' : `; did you mean ${best}?`}`, at)
  return null
}

import {
  type ChainName,
  chainNames,
  type Identity,
  type Model,
  type StepConfig,
} from '../../../chains/model.ts'
import { defaults } from '../defaults.ts'
import { type Path, show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import { closest } from '../shape/closest.ts'
import { byPlace } from '../step-order.ts'
import type { PluginDefinition } from './definition.ts'
import type { LibraryPlugin, PluginLibrary } from './library.ts'
import { placesInPhases } from './phases.ts'
import type { PluginChainResource } from './resource-shapes.ts'
import type { Described } from './resources.ts'
import { isChainName } from './resources.ts'
import { keysOf, selects } from './selectors.ts'

/** The sidecar for which plugins are chosen. */
export interface Site {
  readonly identity: Identity
  /** Null when nobody said. */
  readonly namespaceLabels: Readonly<Record<string, string>> | null
  /** The chains of the config itself. */
  readonly chains: Model['chains']
  /** Where the config names a step of a chain. */
  readonly pathOf: (chain: ChainName, step: string) => Path
}

type ByChain<T> = Readonly<Record<ChainName, T>>

/** The plugins that each chain is to have, by name, from whoever asks for them. */
export interface Wishes {
  readonly wanted: ByChain<ReadonlySet<string>>
  /** Those that somebody asks for, be it elsewhere. */
  readonly known: ReadonlySet<string>
}

/** The file name by which chains know a plugin. */
export const stepOf = (plugin: string): string => `plugins/${plugin}.js`

/** The plugin that a step of a chain is, or null. */
export function pluginOf(step: string): string | null {
  return /^plugins\/(.+)\.js$/.exec(step)?.[1] ?? null
}

const moduleOf = (plugin: string): string => `modules/${plugin}.js`

/** Finds out who asks for which plugin on this sidecar: PluginChains that select it, and the plugins themselves. */
export function wishesFor(library: PluginLibrary, site: Site): Wishes {
  const wanted = {
    'inbound-tcp': new Set<string>(),
    'inbound-http': new Set<string>(),
    'outbound-tcp': new Set<string>(),
    'outbound-http': new Set<string>(),
  }
  const known = new Set<string>()
  const wish = (chain: ChainName, plugin: string): void => {
    wanted[chain].add(plugin)
    known.add(plugin)
  }
  for (const chain of chainNames) for (const { name } of site.chains[chain]) known.add(pluginOf(name) ?? '')
  for (const [name, { current, entry }] of library.plugins) {
    const chains = entry && entry.chains.length > 0 ? entry.chains : current.definition.chains
    const isMeant = (entry && entry.chains.length > 0) || isSelected(current.definition, site)
    for (const chain of chains) {
      if (isMeant) wish(chain, name)
      else known.add(name)
    }
  }
  for (const described of library.chains) {
    const isMeant = isFor(described, site)
    for (const { name, plugin } of namesIn(described, library)) {
      known.add(plugin)
      if (isMeant) wanted[name].add(plugin)
    }
  }
  // One that is called like a built-in module needs nobody to ask for it.
  for (const name of library.plugins.keys()) {
    if (known.has(name)) continue
    for (const chain of chainNames)
      if (site.chains[chain].some((step) => step.name === moduleOf(name))) wish(chain, name)
  }
  return { wanted, known }
}

/** The plugins that a PluginChain names, without those that are not there. */
function namesIn({ resource, report }: Described<PluginChainResource>, library: PluginLibrary) {
  return resource.spec.chains.flatMap(({ name, plugins }) =>
    plugins.flatMap((plugin, i) => {
      if (!isChainName(name)) return []
      if (library.plugins.has(plugin)) return [{ name, plugin }]
      const best = closest(plugin, [...library.plugins.keys()])
      const advice = best === null ? '' : `; did you mean ${best}?`
      report.warn(
        report.pathOf(plugins, i),
        `is ${show(plugin)}: there is no such plugin, and it is left out${advice}`,
      )
      return []
    }),
  )
}

/** Whether a plugin that names its chains itself is for this sidecar. */
function isSelected({ selection }: PluginDefinition, { identity }: Site): boolean {
  if (!selection) return true
  const { selector, namespace } = selection
  const isElsewhere = namespace !== null && identity.namespace !== '' && namespace !== identity.namespace
  return !isElsewhere && selector !== 'none' && selects(selector, identity.labels)
}

function isFor({ resource, report }: Described<PluginChainResource>, site: Site): boolean {
  const { selectors } = resource.spec
  const pod = selectors?.podSelector ?? null
  const namespace = selectors?.namespaceSelector ?? null
  const { labels, namespace: ownNamespace } = site.identity
  const namespaceLabels = {
    ...(ownNamespace === '' ? {} : { 'kubernetes.io/metadata.name': ownNamespace }),
    ...site.namespaceLabels,
  }
  if (keysOf(pod).length > 0 && Object.keys(labels).length === 0) {
    report.warn(
      ['spec', 'selectors', 'podSelector'],
      'asks for labels, and those of this sidecar are not known: expected --labels, --labels-file or `sidecar.labels`',
      'key',
    )
  }
  const isNamespaceUnknown = site.namespaceLabels === null
  if (isNamespaceUnknown && keysOf(namespace).some((key) => !Object.hasOwn(namespaceLabels, key))) {
    report.warn(
      ['spec', 'selectors', 'namespaceSelector'],
      'asks for labels, and those of the namespace are not known: expected --namespace-labels or `sidecar.namespaceLabels`',
      'key',
    )
  }
  return selects(pod, labels) && selects(namespace, namespaceLabels)
}

/** The chains with the plugins in their places. Steps that are plugins nobody defines are left out with a warning. */
export function chainsWith(
  library: PluginLibrary,
  site: Site,
  wishes: Wishes,
  faults: FaultList,
): Model['chains'] {
  const places = placesInPhases(
    [...library.plugins.values()].flatMap(({ current: { definition } }) =>
      definition.place ? [{ name: definition.name, place: definition.place }] : [],
    ),
  )
  const chain = (name: ChainName): readonly StepConfig[] => {
    const kept = site.chains[name].filter((step) => isThere(step, name, library, site, faults))
    const missing = [...wishes.wanted[name]].filter(
      (plugin) => !kept.some((step) => step.name === stepOf(plugin)),
    )
    const steps = missing.reduce<readonly StepConfig[]>(
      (before, plugin) => mounted(before, plugin, library, places.get(plugin)?.[name] ?? null),
      kept,
    )
    const ordered = steps.toSorted(byPlace)
    for (const plugin of missing) warnUnreached(plugin, name, ordered, library)
    return ordered
  }
  return Object.fromEntries(chainNames.map((name) => [name, chain(name)])) as Model['chains']
}

function isThere(
  { name: step }: StepConfig,
  chain: ChainName,
  library: PluginLibrary,
  site: Site,
  faults: FaultList,
): boolean {
  const plugin = pluginOf(step)
  if (plugin === null || library.plugins.has(plugin)) return true
  const best = closest(plugin, [...library.plugins.keys()])
  const advice = best === null ? '' : `; did you mean ${stepOf(best)}?`
  faults.warn(
    site.pathOf(chain, step),
    `names ${step}: there is no such plugin, and it is left out${advice}`,
    'key',
  )
  return false
}

/** Puts a plugin among the steps of a chain; in the place of a built-in module if it is called like one. */
function mounted(
  steps: readonly StepConfig[],
  plugin: string,
  library: PluginLibrary,
  place: number | null,
): readonly StepConfig[] {
  const builtIn = steps.find((step) => step.name === moduleOf(plugin))
  const rest = builtIn ? steps.filter((step) => step !== builtIn) : steps
  const given = givenPriority(library.plugins.get(plugin))
  const priority = given ?? place ?? builtIn?.priority ?? defaults.pluginPriority
  return [...rest, { name: stepOf(plugin), priority }]
}

/** The priority that somebody gave a plugin, or null. */
export function givenPriority(plugin: LibraryPlugin | undefined): number | null {
  return plugin?.entry?.priority ?? plugin?.current.definition.priority ?? null
}

function warnUnreached(
  plugin: string,
  chain: ChainName,
  steps: readonly StepConfig[],
  library: PluginLibrary,
): void {
  const last = steps.findIndex((step) => /^modules\/.*-default\.js$/.test(step.name))
  const place = steps.findIndex((step) => step.name === stepOf(plugin))
  const definition = library.plugins.get(plugin)?.current.definition
  if (last < 0 || place < last || !definition) return
  const { report, paths } = definition
  report.warn(
    paths.name,
    `stands in ${chain} behind ${steps[last]?.name}, which answers everything, and is never reached: expected a priority above ${steps[last]?.priority}`,
  )
}

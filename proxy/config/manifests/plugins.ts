import { type ChainName, chainNames, type Json, type Model } from '../../../chains/model.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import { defaults } from '../defaults.ts'
import type { FaultList } from '../fault-list.ts'
import type { ReadyPlugin } from './compile.ts'
import type { LibraryPlugin, PluginLibrary } from './library.ts'
import { chainsWith, givenPriority, pluginOf, type Site, wishesFor } from './mounts.ts'
import { phasePriorities } from './phases.ts'
import { noPolicy, overlay, type PolicyParts, policyOf } from './policy.ts'
import { type ConfigTarget, ServiceConfigs } from './service-configs.ts'

/** The plugins of one sidecar, for whoever builds its model. */
export interface MountedPlugins {
  /** The chains with the plugins in them. */
  readonly chains: Model['chains']
  /** What the plugins of a service are configured with; `own` is what the config says there, and stands. */
  configsOf(target: ConfigTarget, own: Readonly<Record<string, Json>>): Readonly<Record<string, Json>>
  /** The plugins, to be asked for when all services have been built. */
  specs(): readonly PluginSpec[]
}

/** Chooses the plugins of a sidecar and puts them into its chains. */
export function mountPlugins(library: PluginLibrary, site: Site, faults: FaultList): MountedPlugins {
  const wishes = wishesFor(library, site)
  const chains = chainsWith(library, site, wishes, faults)
  const namesIn = (chain: ChainName): ReadonlySet<string> =>
    new Set(chains[chain].flatMap(({ name }) => pluginOf(name) ?? []))
  const mounted = Object.fromEntries(chainNames.map((chain) => [chain, namesIn(chain)])) as Record<
    ChainName,
    ReadonlySet<string>
  >
  const configs = new ServiceConfigs(library, mounted, site.identity.namespace)
  return {
    chains,
    configsOf: (target, own) => configs.of(target, own),
    specs: () => {
      configs.warnUnused(library)
      const names = withMentioned(new Set(chainNames.flatMap((chain) => [...mounted[chain]])), library)
      warnUnmounted(library, new Set([...names, ...wishes.known]))
      return [...names].flatMap((name) => {
        const plugin = library.plugins.get(name)
        return plugin ? [specOf(plugin)] : []
      })
    },
  }
}

/** A script may use another plugin by its file name, which then has to be there too. */
function withMentioned(names: Set<string>, library: PluginLibrary): ReadonlySet<string> {
  // A set visits what is added to it on the way.
  for (const name of names) {
    const plugin = library.plugins.get(name)
    for (const version of plugin ? [plugin.current, plugin.previous] : []) {
      for (const [, mentioned] of version?.source.matchAll(/\bplugins\/([A-Za-z0-9._-]+)\.js\b/g) ?? [])
        if (mentioned !== undefined && library.plugins.has(mentioned)) names.add(mentioned)
    }
  }
  return names
}

function warnUnmounted(library: PluginLibrary, known: ReadonlySet<string>): void {
  for (const [name, { current }] of library.plugins) {
    if (known.has(name)) continue
    const { report, paths } = current.definition
    report.warn(
      paths.name,
      'is in no chain, and does nothing: expected a PluginChain that names it, `chains` in `plugins` of the config, or a comment `// pillion: chain=…` in a file of its own',
    )
  }
}

const languageOf = (language: ReadyPlugin['definition']['language']): PluginSpec['language'] =>
  language === 'typescript' ? 'javascript' : language

/** Where a plugin with a phase about stands; exactly it does so by the chains. */
function placeOf({ current: { definition } }: LibraryPlugin): number | null {
  const [chain] = definition.chains
  return definition.place && chain ? phasePriorities[chain][definition.place.phase] : null
}

function specOf(plugin: LibraryPlugin): PluginSpec {
  const { current, previous, entry } = plugin
  const priority = givenPriority(plugin) ?? placeOf(plugin) ?? defaults.pluginPriority
  const make = (ready: ReadyPlugin, more: PolicyParts, before: PluginSpec | null): PluginSpec => ({
    name: ready.definition.name,
    version: ready.version,
    language: languageOf(ready.definition.language),
    source: ready.source,
    origin: ready.origin,
    lineOffset: ready.definition.textPlace?.lineOffset ?? 0,
    columnOffset: ready.definition.textPlace?.columnOffset ?? 0,
    sourceMap: ready.sourceMap,
    priority,
    policy: policyOf(overlay(more, ready.definition.policy)),
    previous: before,
    ...(ready.faults.length > 0 && { faults: ready.faults }),
  })
  const more = entry?.policy ?? noPolicy
  // The version before is for all whom the canary does not choose.
  const before = previous && make(previous, { ...more, percent: null, header: null }, null)
  return make(current, more, before)
}

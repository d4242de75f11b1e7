import { isDeepStrictEqual } from 'node:util'
import type { ChainName, Json } from '../../../chains/model.ts'
import { show } from '../fault.ts'
import type { PluginLibrary } from './library.ts'
import type { PluginConfigResource } from './resource-shapes.ts'
import type { Described } from './resources.ts'

/** A service in one chain, by all names under which a PluginConfig may mean it: `stock`, `stock.shop`, hosts. */
export interface ConfigTarget {
  readonly chain: ChainName
  readonly names: readonly string[]
}

type Configs = Readonly<Record<string, Json>>

/** Tells services what the plugins of their chain are configured with. */
export class ServiceConfigs {
  readonly #byService: ReadonlyMap<string, readonly Described<PluginConfigResource>[]>
  readonly #usual: ReadonlyMap<string, Json>
  readonly #mounted: Readonly<Record<ChainName, ReadonlySet<string>>>
  readonly #ownNamespace: string
  readonly #used = new Set<string>()

  /** `mounted` are the names of the plugins in each chain: to the others nothing is told. */
  constructor(
    library: PluginLibrary,
    mounted: Readonly<Record<ChainName, ReadonlySet<string>>>,
    ownNamespace: string,
  ) {
    this.#mounted = mounted
    this.#ownNamespace = ownNamespace
    this.#usual = new Map(
      [...library.plugins].flatMap(([name, { entry }]) =>
        entry && entry.config !== null ? [[name, entry.config] as const] : [],
      ),
    )
    this.#byService = byService(library.configs, ownNamespace)
  }

  /** The configs of one service. What the service says itself (`own`) stands above all. */
  of({ chain, names }: ConfigTarget, own: Configs): Configs {
    const plugins = this.#mounted[chain]
    const given = this.#given(names, plugins)
    const usual = [...this.#usual].filter(([plugin]) => plugins.has(plugin))
    if (given.length + usual.length === 0) return own
    return { ...Object.fromEntries(usual), ...Object.fromEntries(given), ...own }
  }

  #given(names: readonly string[], plugins: ReadonlySet<string>): readonly (readonly [string, Json])[] {
    const found = new Map<string, Described<PluginConfigResource>>()
    for (const key of new Set(names.flatMap((name) => this.#keysOf(name)))) {
      for (const config of this.#byService.get(key) ?? []) {
        const { plugin } = config.resource.spec
        if (!plugins.has(plugin)) continue
        this.#used.add(plugin)
        const rival = found.get(plugin)
        if (!rival) found.set(plugin, config)
        else if (rival !== config) reportRivals(rival, config, names[0] ?? '')
      }
    }
    return [...found].map(([plugin, { resource }]) => [plugin, resource.spec.config as Json])
  }

  /** What a name that a service goes by is called in {@link byService}. */
  #keysOf(name: string): readonly string[] {
    const [service, namespace, suffix] = name
      .toLowerCase()
      .replace(/:[0-9]+$/, '')
      .split('.')
    if (!service) return []
    if (namespace === undefined) return [`${service}.${this.#ownNamespace}`]
    return suffix === undefined || suffix === 'svc' ? [`${service}.${namespace}`] : []
  }

  /** Warns of mounted plugins all of whose configs are for services that are not here. */
  warnUnused(library: PluginLibrary): void {
    const mounted = new Set(Object.values(this.#mounted).flatMap((names) => [...names]))
    const warned = new Set<string>()
    for (const { resource, report } of library.configs) {
      const { plugin, destinationRefs } = resource.spec
      const [ref] = destinationRefs
      if (!library.plugins.has(plugin))
        report.warn(['spec', 'plugin'], `is ${show(plugin)}: there is no such plugin`)
      if (!ref || !mounted.has(plugin) || this.#used.has(plugin) || warned.has(plugin)) continue
      warned.add(plugin)
      report.warn(
        report.pathOf(ref, 'name'),
        `is ${show(ref.name)}, and no service of that name and namespace is in the plugin's chains: it is told nothing`,
      )
    }
  }
}

function byService(
  configs: readonly Described<PluginConfigResource>[],
  ownNamespace: string,
): ReadonlyMap<string, readonly Described<PluginConfigResource>[]> {
  const found = new Map<string, Described<PluginConfigResource>[]>()
  for (const config of configs) {
    const { metadata, spec } = config.resource
    for (const ref of spec.destinationRefs) {
      if (ref.kind !== 'Service') continue
      // Where nobody knows of namespaces, names alone must do.
      const namespace = ownNamespace === '' ? [''] : []
      for (const space of [ref.namespace ?? metadata.namespace ?? ownNamespace, ...namespace]) {
        const key = `${ref.name}.${space}`.toLowerCase()
        found.set(key, [...(found.get(key) ?? []), config])
      }
    }
  }
  return found
}

function reportRivals(
  first: Described<PluginConfigResource>,
  second: Described<PluginConfigResource>,
  service: string,
): void {
  if (isDeepStrictEqual(first.resource.spec.config, second.resource.spec.config)) return
  const { plugin } = second.resource.spec
  second.report.add(
    ['spec', 'destinationRefs'],
    `is for the service ${show(service)}, for which ${plugin} is configured already, at ${first.report.place}`,
  )
}

import { resolve } from 'node:path'
import type { ChainName, Json } from '../../../chains/model.ts'
import { configLimits } from '../defaults.ts'
import { looseFault, show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import type { UncompiledPlugin } from '../settings.ts'
import { closest } from '../shape/closest.ts'
import { parseJson } from '../source/json-source.ts'
import { readTextFile } from '../source/read-file.ts'
import { parseYamlDocuments } from '../source/yaml-source.ts'
import { makeReady, type ReadyPlugin } from './compile.ts'
import type { PluginDefinition } from './definition.ts'
import type { PluginEntry } from './entry-shape.ts'
import { type AskedPath, type ManifestFile, readManifestFiles } from './manifest-files.ts'
import { type PolicyParts, policyParts } from './policy.ts'
import type { Report } from './report.ts'
import type { PluginChainResource, PluginConfigResource } from './resource-shapes.ts'
import { type Described, type Resources, readManifest } from './resources.ts'
import { readScript } from './script-file.ts'
import { type Versions, versionsByName } from './versions.ts'
import { isModuleEntry, readModuleEntry, readModuleFile } from './wasm-files.ts'

/** Where plugins come from. */
export interface PluginSources {
  readonly manifests: readonly AskedPath[]
  readonly entries: readonly PluginEntry[]
  /** The path of a file that the config names. */
  readonly within: (file: string) => string
}

/** What our YAML says of a plugin, wherever that is defined. */
export interface EntryParts {
  readonly chains: readonly ChainName[]
  readonly priority: number | null
  readonly policy: PolicyParts
  readonly config: Json
}

/** A plugin in all its versions. */
export interface LibraryPlugin extends Versions<ReadyPlugin> {
  readonly entry: EntryParts | null
}

/** All plugins that somebody wrote down, whether this sidecar has them or not. */
export interface PluginLibrary {
  readonly plugins: ReadonlyMap<string, LibraryPlugin>
  readonly chains: readonly Described<PluginChainResource>[]
  readonly configs: readonly Described<PluginConfigResource>[]
  /** Files and folders whose change means another library. */
  readonly files: readonly string[]
  /** Those that could not be compiled. */
  readonly faulty: readonly UncompiledPlugin[]
  /** Hands on what was found wrong with its parts, then and since. */
  settle(faults: FaultList): void
}

/** A library without anything in it. */
export const emptyLibrary: PluginLibrary = {
  plugins: new Map(),
  chains: [],
  configs: [],
  files: [],
  faulty: [],
  settle: () => {},
}

/** Reads and compiles all plugins. What is wrong is told by the library's `settle`, or by `faults` when it concerns the config. */
export async function loadPlugins(sources: PluginSources, faults: FaultList): Promise<PluginLibrary> {
  const { entries } = sources
  const resources: Resources = { plugins: [], chains: [], configs: [], reports: [] }
  const own = new Map<PluginEntry, string>()
  for (const entry of entries) {
    if (entry.file !== null) own.set(entry, sources.within(entry.file))
    if (isModuleEntry(entry)) readEntryModule(entry, sources, resources, faults)
  }
  const { files, watched } = await readManifestFiles(sources.manifests, faults)
  const ownFiles = new Set([...own.values()].map((path) => resolve(path)))
  for (const file of files)
    if (!ownFiles.has(resolve(file.path))) readManifestFile(file, entries, resources, faults)
  for (const [entry, path] of own)
    if (!isModuleEntry(entry)) await readEntryFile(entry, path, resources, faults)
  refuseTwins(resources.chains)
  refuseTwins(resources.configs)
  const versions = versionsByName(resources.plugins)
  const ready = await makeReady(
    [...versions.values()].flatMap(({ current, previous }) => (previous ? [current, previous] : [current])),
  )
  const readyOf = new Map(ready.map((one) => [one.definition, one]))
  const parts = entriesByName(entries, versions, faults)
  const plugins = new Map<string, LibraryPlugin>()
  for (const [name, { current, previous }] of versions) {
    const made = readyOf.get(current)
    if (!made) continue
    const before = previous && (readyOf.get(previous) ?? null)
    plugins.set(name, { current: made, previous: before, entry: parts.get(name) ?? null })
  }
  return {
    plugins,
    chains: resources.chains,
    configs: resources.configs,
    files: [...watched, ...own.values(), ...ready.flatMap((one) => one.files)],
    faulty: ready
      .filter(({ faults }) => faults.length > 0)
      .map(({ definition, version, faults }) => ({ name: definition.name, version, faults })),
    settle: (into) => {
      for (const report of resources.reports) report.settle(into)
    },
  }
}

function readEntryModule(
  entry: PluginEntry,
  sources: PluginSources,
  into: Resources,
  faults: FaultList,
): void {
  const definition = readModuleEntry(entry, sources.within, into.reports, faults)
  if (definition) into.plugins.push(definition)
}

function readManifestFile(
  file: ManifestFile,
  entries: readonly PluginEntry[],
  into: Resources,
  faults: FaultList,
): void {
  const { path, text } = file
  if (file.is === 'module') {
    const definition = readModuleFile(path, entries, into.reports)
    if (definition) into.plugins.push(definition)
    return
  }
  if (file.is === 'script') {
    const definition = readScript(path, text, null, into.reports)
    if (definition) into.plugins.push(definition)
    return
  }
  if (text.trim() === '') return
  if (path.endsWith('.json')) {
    const parsed = parseJson(path, text)
    if (!parsed.ok) for (const fault of parsed.faults) faults.addLoose(fault)
    else readManifest(path, { ...parsed.source, textPlace: () => null }, into)
    return
  }
  const count = documentCount(text)
  if (count > configLimits.maxResources) {
    faults.addLoose(looseFault(path, `has ${count} documents: at most ${configLimits.maxResources} are read`))
    return
  }
  const parsed = parseYamlDocuments(path, text)
  if (!parsed.ok) {
    for (const fault of parsed.faults) faults.addLoose(fault)
    return
  }
  for (const document of parsed.documents) {
    for (const fault of document.faults) faults.addLoose(fault)
    readManifest(path, document, into)
  }
}

/** Documents in a text, without parsing it; that takes long when there are very many. */
function documentCount(text: string): number {
  let count = 1
  for (let at = text.indexOf('\n---'); at >= 0; at = text.indexOf('\n---', at + 1)) count += 1
  return count
}

async function readEntryFile(
  entry: PluginEntry,
  path: string,
  into: Resources,
  faults: FaultList,
): Promise<void> {
  const read = await readTextFile(path, configLimits.maxManifestBytes)
  if (!read.ok) {
    faults.add(faults.pathOf(entry, 'file'), `${path} ${read.fault.message}`)
    return
  }
  const definition = readScript(path, read.text, entry, into.reports)
  if (definition) into.plugins.push(definition)
}

function refuseTwins(described: readonly Described<PluginChainResource | PluginConfigResource>[]): void {
  const known = new Map<string, Report>()
  for (const { resource, report } of described) {
    const { namespace, name } = resource.metadata
    const key = `${namespace ?? ''}/${name}`
    const first = known.get(key)
    if (!first) known.set(key, report)
    else report.add(['metadata', 'name'], `is there already, at ${first.place}: give each its own name`)
  }
}

function entriesByName(
  entries: readonly PluginEntry[],
  versions: ReadonlyMap<string, Versions<PluginDefinition>>,
  faults: FaultList,
): ReadonlyMap<string, EntryParts> {
  const parts = new Map<string, EntryParts>()
  for (const entry of entries) {
    const { name, file } = entry
    const path = faults.pathOf(entry, 'name')
    if (parts.has(name)) faults.add(path, `is ${show(name)}, which stands in the list already`)
    if (file === null && !versions.has(name)) {
      const best = closest(name, [...versions.keys()])
      const advice =
        best === null ? 'expected a `file`, or manifests that define it' : `did you mean ${best}?`
      faults.add(path, `is ${show(name)}, and there is no such plugin: ${advice}`)
    }
    if (file === null && entry.version !== null && !isModuleEntry(entry))
      faults.add(
        faults.pathOf(entry, 'version'),
        'needs a `file`: the version of a plugin stands where the plugin does',
      )
    parts.set(name, {
      chains: entry.chains ?? [],
      priority: entry.priority,
      policy: policyParts(entry.policy, faults),
      config: entry.config as Json,
    })
  }
  return parts
}

import { type ChainName, chainNames } from '../../../chains/model.ts'
import { configLimits } from '../defaults.ts'
import { oneLine, orList, type Path, show } from '../fault.ts'
import type { Locator } from '../fault-list.ts'
import { closest } from '../shape/closest.ts'
import { readShape } from '../shape/read.ts'
import type { Shape } from '../shape/shape.ts'
import type { TextPlace } from '../source/text-place.ts'
import type { PluginDefinition } from './definition.ts'
import { ofTrafficExtension, ofWasmPlugin } from './istio-plugins.ts'
import { trafficExtensionShape, wasmPluginShape } from './istio-shapes.ts'
import { noPolicy, overlay, policyParts, saidTwice } from './policy.ts'
import { Report } from './report.ts'
import {
  type PluginChainResource,
  type PluginConfigResource,
  type PluginResource,
  pluginChainShape,
  pluginConfigShape,
  pluginShape,
} from './resource-shapes.ts'
import { checkSelector } from './selectors.ts'
import { ownWasmDefinition, stampOf } from './wasm-definition.ts'
import { annotationWords, readWords, type Word } from './words.ts'

/** A resource that was read, and where to report what else is wrong with it. */
export interface Described<T> {
  readonly resource: T
  readonly report: Report
}

/** The resources of some manifests, in their order. */
export interface Resources {
  readonly plugins: PluginDefinition[]
  readonly chains: Described<PluginChainResource>[]
  readonly configs: Described<PluginConfigResource>[]
  readonly reports: Report[]
}

/** One document of a file, or one item of a list of resources. */
export interface ManifestDocument {
  readonly root: unknown
  readonly locate: Locator
  readonly textPlace: (path: Path) => TextPlace | null
}

const ownGroups: readonly string[] = ['plugin.flomesh.io', 'pillion.dev']
const istioGroups: readonly string[] = ['extensions.istio.io']
const kinds = {
  Plugin: { groups: ownGroups, read: readPlugin },
  PluginChain: { groups: ownGroups, read: readChain },
  PluginConfig: { groups: ownGroups, read: readConfig },
  WasmPlugin: { groups: istioGroups, read: readWasmPlugin },
  TrafficExtension: { groups: istioGroups, read: readTrafficExtension },
} as const
type KindName = keyof typeof kinds
const kindNames = Object.keys(kinds) as readonly KindName[]

/** Reads one document of a manifest; a List is as many resources as it has items. */
export function readManifest(file: string, document: ManifestDocument, into: Resources): void {
  const { root } = document
  if (!isObject(root) || !Array.isArray(root.items) || !/List$/.test(String(root.kind))) {
    readResource(file, document, into)
    return
  }
  root.items.forEach((item, i) => {
    readResource(file, itemOf(document, item, ['items', i]), into)
  })
}

function readResource(file: string, document: ManifestDocument, into: Resources): void {
  const { root, locate } = document
  // What stands between two separators may be nothing.
  if (root === null || into.reports.length > configLimits.maxResources) return
  const report = new Report(file, locate)
  into.reports.push(report)
  if (into.reports.length > configLimits.maxResources) {
    report.add([], `is one too many: at most ${configLimits.maxResources} resources are read`)
    return
  }
  if (!isObject(root)) {
    report.add([], `is ${show(root)}: expected a resource with apiVersion, kind, metadata and spec`)
    return
  }
  const { kind, apiVersion, metadata } = root
  if (typeof kind === 'string') report.resource = oneLine(`${kind.slice(0, 80)} ${nameIn(metadata)}`)
  const known = knownKind(kind, apiVersion, report)
  if (known) kinds[known].read(document, report, into)
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function itemOf(document: ManifestDocument, root: unknown, path: Path): ManifestDocument {
  return {
    root,
    locate: (places) =>
      document.locate(places.map((place) => ({ ...place, path: [...path, ...place.path] }))),
    textPlace: (below) => document.textPlace([...path, ...below]),
  }
}

function nameIn(metadata: unknown): string {
  const name = isObject(metadata) ? metadata.name : ''
  return typeof name === 'string' ? name.slice(0, 253) : ''
}

function knownKind(kind: unknown, apiVersion: unknown, report: Report): KindName | null {
  if (typeof kind !== 'string') {
    report.add(['kind'], `is ${kind === undefined ? 'missing' : show(kind)}: expected ${orList(kindNames)}`)
    return null
  }
  const known = kindNames.find((one) => one === kind)
  const group = typeof apiVersion === 'string' ? (apiVersion.split('/')[0] ?? '') : null
  if (known && (group === null || kinds[known].groups.includes(group))) return known
  const best = known ? null : closest(kind, kindNames)
  const of = known ? ` of ${show(group)}` : ''
  const advice = best === null ? '' : `; did you mean ${best}?`
  report.warn(['kind'], `is ${show(kind)}${of}, which is not known here: it is ignored${advice}`)
  return null
}

function read<T>(shape: Shape<T>, document: ManifestDocument, report: Report): T | null {
  return readShape(shape, document.root, report.faults, 'manifest')
}

const languages = {
  pipyscript: 'pipyjs',
  javascript: 'javascript',
  typescript: 'typescript',
  wasm: 'wasm',
} as const
const languageKeys = Object.keys(languages) as readonly (keyof typeof languages)[]

function readPlugin(document: ManifestDocument, report: Report, into: Resources): void {
  const resource = read(pluginShape, document, report)
  if (!resource) return
  const { metadata, spec } = resource
  const keys = languageKeys.filter((key) => spec[key] !== null)
  const [key] = keys
  if (keys.length > 1) report.add(['spec'], `has ${keys.join(' and ')}: expected one of them`)
  if (!key) {
    if (!report.faults.isRefused(['spec'], ...languageKeys))
      report.add(['spec'], 'has no script: expected pipyscript, javascript, typescript or wasm')
    return
  }
  const said = readWords(annotationsOf(resource.metadata), annotationWords, noPolicy, report)
  const inSpec = policyParts(spec.policy, report)
  for (const part of saidTwice(inSpec, said.policy))
    report.add(['metadata', 'annotations'], `${part} is said by spec.policy too: say it in one place`)
  if (spec.version !== null && said.own.version !== null)
    report.add(['spec', 'version'], 'is said by an annotation too: say it in one place')
  const definition: PluginDefinition = {
    name: metadata.name,
    version: spec.version ?? said.own.version,
    language: languages[key],
    text: key === 'wasm' ? '' : (spec[key] ?? ''),
    file: report.file,
    textPlace: key === 'wasm' ? null : document.textPlace(['spec', key]),
    priority: spec.priority,
    policy: overlay(inSpec, said.policy),
    chains: [],
    report,
    paths: { name: ['metadata', 'name'], text: key === 'wasm' ? ['spec', 'wasm', 'url'] : ['spec', key] },
  }
  if (key !== 'wasm' || !spec.wasm) into.plugins.push(definition)
  else if (spec.wasm.url !== null) {
    const wasm = ownWasmDefinition(spec.wasm, spec.wasm.url, report.file, stampOf(metadata), report)
    into.plugins.push({ ...definition, wasm })
  } else if (!report.faults.isRefused(['spec', 'wasm'], 'url'))
    report.add(['spec', 'wasm'], 'has no `url`: expected where the module is')
}

function readWasmPlugin(document: ManifestDocument, report: Report, into: Resources): void {
  const resource = read(wasmPluginShape, document, report)
  if (!resource) return
  into.plugins.push(ofWasmPlugin(resource, saidOf(resource.metadata, report), report))
}

function readTrafficExtension(document: ManifestDocument, report: Report, into: Resources): void {
  const resource = read(trafficExtensionShape, document, report)
  if (!resource) return
  const definition = ofTrafficExtension(resource, saidOf(resource.metadata, report), report)
  if (definition) into.plugins.push(definition)
}

function saidOf(metadata: PluginResource['metadata'], report: Report) {
  const { own, policy } = readWords(annotationsOf(metadata), annotationWords, noPolicy, report)
  return { version: own.version, policy }
}

const annotationPrefix = 'pillion.dev/'

function annotationsOf({ annotations }: PluginResource['metadata']): readonly Word[] {
  return Object.entries(annotations).flatMap(([key, text]) => {
    if (!key.startsWith(annotationPrefix)) return []
    const path = ['metadata', 'annotations', key]
    return [{ name: key.slice(annotationPrefix.length), text, path }]
  })
}

function readChain(document: ManifestDocument, report: Report, into: Resources): void {
  const resource = read(pluginChainShape, document, report)
  if (!resource) return
  for (const chain of resource.spec.chains) {
    if (isChainName(chain.name)) continue
    const best = closest(chain.name, chainNames)
    const advice = best === null ? '' : `; did you mean ${best}?`
    report.add(
      report.pathOf(chain, 'name'),
      `is ${show(chain.name)}: expected ${orList(chainNames)}${advice}`,
    )
  }
  checkSelector(resource.spec.selectors?.podSelector ?? null, report)
  checkSelector(resource.spec.selectors?.namespaceSelector ?? null, report)
  into.chains.push({ resource, report })
}

/** Whether a chain of that name exists. */
export function isChainName(name: string): name is ChainName {
  return chainNames.some((one) => one === name)
}

function readConfig(document: ManifestDocument, report: Report, into: Resources): void {
  const resource = read(pluginConfigShape, document, report)
  if (!resource) return
  const { destinationRefs } = resource.spec
  if (destinationRefs.length === 0 && !report.faults.isRefused(['spec'], 'destinationRefs'))
    report.warn(['spec', 'destinationRefs'], 'is empty: no service is meant, and nothing is configured')
  for (const ref of destinationRefs) {
    if (ref.kind === 'Service') continue
    report.warn(
      report.pathOf(ref, 'kind'),
      `is ${show(ref.kind)}: only Service is known, and this is ignored`,
    )
  }
  into.configs.push({ resource, report })
}

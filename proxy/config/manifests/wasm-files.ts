import { basename } from 'node:path'
import { shownUrl } from '../../modules/urls.ts'
import { show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import type { PluginDefinition } from './definition.ts'
import type { PluginEntry } from './entry-shape.ts'
import { noPolicy } from './policy.ts'
import { Report } from './report.ts'
import { resourceName } from './texts.ts'
import { bareWasm, ownWasmDefinition } from './wasm-definition.ts'

/** A module without a manifest, by `-f`: it stands in `inbound-http` unless an entry of its name says otherwise. */
export function readModuleFile(
  path: string,
  entries: readonly PluginEntry[],
  reports: Report[],
): PluginDefinition | null {
  const name = basename(path).replace(/\.wasm$/, '')
  const report = wholeReport(path)
  reports.push(report)
  const parsed = resourceName.parse(name)
  if ('problem' in parsed) {
    report.add([], `is called ${show(name)}: ${parsed.problem}`)
    return null
  }
  const isPlaced = entries.some((entry) => entry.name === name && entry.chains !== null)
  if (!isPlaced)
    report.warn(
      [],
      'stands in inbound-http, because nobody says where: expected a WasmPlugin for it, or `chains` in `plugins` of the config',
    )
  const url = `file:${encodeURIComponent(basename(path))}`
  return definitionOf(name, null, path, bareWasm(url, path, report), report, ['inbound-http'])
}

/** The plugin that an entry of the config is by itself: a `file` that is a module, or a `url`. Null when it is none. */
export function readModuleEntry(
  entry: PluginEntry,
  within: (file: string) => string,
  reports: Report[],
  faults: FaultList,
): PluginDefinition | null {
  const { file, wasm, name, config } = entry
  const url = wasm?.url ?? null
  if (url !== null && file !== null) {
    faults.add(faults.pathOf(entry, 'file'), 'is said by `wasm.url` too: say it in one place')
    return null
  }
  if (file === null && url === null) return null
  const path = file === null ? shownUrl(url ?? '') : within(file)
  const report = wholeReport(path)
  reports.push(report)
  const settings = wasm ?? bareSettings
  const pluginConfig = settings.pluginConfig ?? config
  const place = file === null ? within('config') : path
  const from = file === null ? (url ?? '') : `file:${encodeURIComponent(basename(path))}`
  const made = ownWasmDefinition({ ...settings, pluginConfig }, from, place, null, faults)
  return definitionOf(name, entry.version, path, made, report, [])
}

/** Whether an entry is a module by itself. */
export const isModuleEntry = ({ file, wasm }: PluginEntry): boolean =>
  file?.endsWith('.wasm') === true || (wasm?.url ?? null) !== null

const bareSettings = {
  url: null,
  sha256: null,
  imagePullPolicy: null,
  pluginConfig: null,
  pluginName: null,
  vmConfig: null,
  capabilities: null,
  allowOnHeadersStopIteration: null,
} as const

/** Of something that has no lines. */
const wholeReport = (path: string): Report =>
  new Report(path, (places) => places.map(() => ({ line: 0, column: 0 })))

function definitionOf(
  name: string,
  version: string | null,
  file: string,
  wasm: PluginDefinition['wasm'] & object,
  report: Report,
  chains: PluginDefinition['chains'],
): PluginDefinition {
  return {
    name,
    version,
    language: 'wasm',
    text: '',
    file,
    textPlace: null,
    priority: null,
    policy: noPolicy,
    chains,
    report,
    paths: { name: [], text: [] },
    wasm,
  }
}

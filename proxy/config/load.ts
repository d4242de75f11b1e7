import { dirname, isAbsolute, join, resolve } from 'node:path'
import { makeModules } from '../modules/wasm-modules.ts'
import { configLimits } from './defaults.ts'
import type { Draft, Given } from './draft.ts'
import { type Fault, looseFault } from './fault.ts'
import { FaultList } from './fault-list.ts'
import { type FlagSettings, readFlags } from './flags.ts'
import { buildFsm } from './fsm/build.ts'
import { fsmShape } from './fsm/shapes.ts'
import { readLabelsFile } from './manifests/labels-file.ts'
import { loadPlugins, type PluginSources } from './manifests/library.ts'
import { withModules } from './manifests/wasm-plugins.ts'
import type { LoadOptions, LoadResult } from './settings.ts'
import type { Shape } from './shape/shape.ts'
import { parseJson } from './source/json-source.ts'
import { readSecretFile, readTextFile } from './source/read-file.ts'
import type { Source, SourceResult } from './source/source.ts'
import { parseYaml } from './source/yaml-source.ts'
import { buildYaml, readYaml } from './yaml/build.ts'
import { type ConfigSpec, configShape } from './yaml/config-shape.ts'
import { looksLikeConfig, noConfig } from './yaml/recognise.ts'

export { formatFault } from './fault.ts'

/**
 * Reads, checks and understands a config: our YAML, or FSM's `config.json` or
 * `config.json.gz`, told apart by content. Whatever is wrong comes back as
 * faults, all at once; it never rejects for bad input.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadResult> {
  const { configFile, env } = options
  const name = configFile ?? 'command line'
  const faults = new FaultList()
  const flags = await readAllFlags(options, faults)
  const files = [configFile, options.flags.labelsFile].filter((file) => typeof file === 'string')
  const parsed = await readSource(configFile, env)
  if (!parsed.ok) {
    for (const fault of parsed.faults) faults.addLoose(fault)
    return { ok: false, ...faults.settle(name, emptySource.locate), files }
  }
  const { source, isFsm } = parsed
  for (const fault of source.faults) faults.addLoose(fault)
  const config = isFsm ? null : readYaml(source.root, faults)
  const library = await loadPlugins(pluginSources(options, config), faults)
  files.push(...library.files)
  const given: Given = { flags, env, library }
  const draft = isFsm ? buildFsm(source.root, given, faults) : config && buildYaml(config, given, faults)
  library.settle(faults)
  const secrets = draft ? await readSecrets(draft, configFile, faults) : null
  files.push(...(secrets?.files ?? []))
  const modules = options.modules ?? makeModules(options)
  const fetched = draft && !faults.hasFaults ? await withModules(draft.model, library, modules, env) : null
  files.push(...(fetched?.files ?? []))
  const faulty = [...library.faulty, ...(fetched?.faulty ?? [])]
  const isRefused = !draft || !fetched || !secrets || faults.hasFaults
  // Whoever has to mend the config anyway is told of its plugins with it.
  if (isRefused) for (const fault of faulty.flatMap((one) => one.faults)) faults.addLoose(fault)
  const verdict = faults.settle(name, source.locate)
  if (isRefused) return { ok: false, ...verdict, files }
  return {
    ok: true,
    settings: {
      model: fetched.model,
      process: { ...draft.process, adminToken: secrets.adminToken },
      warnings: verdict.warnings,
      faultyPlugins: faulty,
      isModuleMissing: fetched.faulty.length > 0,
      files,
    },
  }
}

/** The flags, with the labels of a file beside those that were given as such. */
async function readAllFlags(options: LoadOptions, faults: FaultList): Promise<FlagSettings> {
  const flags = readFlags(options.flags, faults)
  const labels = await readLabelsFile(options.flags.labelsFile, faults)
  return labels ? { ...flags, labels: { ...labels, ...flags.labels } } : flags
}

const within = (folder: string, path: string): string => (isAbsolute(path) ? path : join(folder, path))

function pluginSources({ configFile, flags }: LoadOptions, config: ConfigSpec | null): PluginSources {
  const folder = dirname(configFile ?? '.')
  const asked =
    config?.manifests.map((path, i) => ({ path: within(folder, path), by: ['manifests', i] })) ?? []
  return {
    manifests: [...(flags.manifests ?? []).map((path) => ({ path, by: null })), ...asked],
    entries: config?.plugins ?? [],
    within: (file) => within(folder, file),
  }
}

type ReadSource =
  | { readonly ok: true; readonly source: Source; readonly isFsm: boolean }
  | { readonly ok: false; readonly faults: readonly Fault[] }

const emptySource: Source = {
  root: null,
  locate: (places) => places.map(() => ({ line: 0, column: 0 })),
  faults: [],
}

async function readSource(configFile: string | null, env: LoadOptions['env']): Promise<ReadSource> {
  if (configFile === null) return { ok: true, source: emptySource, isFsm: false }
  const read = await readTextFile(configFile, configLimits.maxFileBytes)
  if (!read.ok) return { ok: false, faults: [read.fault] }
  const { text } = read
  if (text.trim() === '')
    return { ok: false, faults: [looseFault(configFile, 'is empty: expected a config')] }
  const asYaml = (): ReadSource => {
    const parsed = parseYaml(configFile, text, env)
    if (parsed.ok || parsed.topKeys === null || looksLikeConfig(parsed.topKeys)) return tagged(parsed, false)
    return { ok: false, faults: [{ file: configFile, line: 1, column: 1, path: '', message: noConfig }] }
  }
  if (!looksLikeJson(text)) return asYaml()
  const parsed = parseJson(configFile, text)
  // JSON is YAML too: our own config may come as JSON from a program.
  return parsed.ok && isOurs(parsed.source.root) ? asYaml() : tagged(parsed, true)
}

function tagged(result: SourceResult, isFsm: boolean): ReadSource {
  return result.ok ? { ...result, isFsm } : result
}

/** Whether a text begins as an object of JSON does: with a quoted key, or none. A YAML map in braces mostly has bare keys. */
function looksLikeJson(text: string): boolean {
  return /^\s*\{\s*(?:["}]|$)/.test(text.slice(0, 1_000))
}

/** Whether parsed JSON has keys of our config, and none of FSM's. */
function isOurs(root: unknown): boolean {
  const knows = ({ rule }: Shape<unknown>, key: string) =>
    rule.is === 'object' && Object.hasOwn(rule.fields, key)
  const keys = typeof root === 'object' && root !== null ? Object.keys(root) : []
  return keys.some((key) => knows(configShape, key)) && !keys.some((key) => knows(fsmShape, key))
}

interface Secrets {
  readonly adminToken: string | null
  readonly files: readonly string[]
}

async function readSecrets(
  draft: Draft,
  configFile: string | null,
  faults: FaultList,
): Promise<Secrets | null> {
  const { adminTokenFile } = draft
  if (adminTokenFile === null) {
    warnOpenAdmin(draft, faults)
    return { adminToken: null, files: [] }
  }
  const file = resolve(dirname(configFile ?? '.'), adminTokenFile)
  const secret = await readSecretFile(file)
  if (secret.ok) return { adminToken: secret.text, files: [file] }
  faults.add(['admin', 'tokenFile'], `${file} ${secret.fault.message}`)
  return null
}

function warnOpenAdmin({ process: { admin } }: Draft, faults: FaultList): void {
  if (!admin || admin.host === 'localhost' || admin.host === '::1' || admin.host.startsWith('127.')) return
  faults.warn(
    ['admin'],
    'is not on loopback and has no tokenFile: requests that change something are refused',
  )
}

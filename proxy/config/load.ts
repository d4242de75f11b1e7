import { dirname, resolve } from 'node:path'
import { configLimits } from './defaults.ts'
import type { Draft, Given } from './draft.ts'
import { type Fault, looseFault } from './fault.ts'
import { FaultList } from './fault-list.ts'
import { readFlags } from './flags.ts'
import { buildFsm } from './fsm/build.ts'
import { fsmShape } from './fsm/shapes.ts'
import type { LoadOptions, LoadResult } from './settings.ts'
import type { Shape } from './shape/shape.ts'
import { parseJson } from './source/json-source.ts'
import { readSecretFile, readTextFile } from './source/read-file.ts'
import type { Source, SourceResult } from './source/source.ts'
import { parseYaml } from './source/yaml-source.ts'
import { buildYaml } from './yaml/build.ts'
import { configShape } from './yaml/config-shape.ts'

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
  const given: Given = { flags: readFlags(options.flags, faults), env }
  const parsed = await readSource(configFile, env)
  if (!parsed.ok) {
    for (const fault of parsed.faults) faults.addLoose(fault)
    return { ok: false, faults: faults.settle(name, emptySource.locate).faults }
  }
  const { source, isFsm } = parsed
  for (const fault of source.faults) faults.addLoose(fault)
  const build = isFsm ? buildFsm : buildYaml
  const draft = build(source.root, given, faults)
  const secrets = draft ? await readSecrets(draft, configFile, faults) : null
  const verdict = faults.settle(name, source.locate)
  if (!draft || !secrets || verdict.faults.length > 0) return { ok: false, faults: verdict.faults }
  return {
    ok: true,
    settings: {
      model: draft.model,
      process: { ...draft.process, adminToken: secrets.adminToken },
      warnings: verdict.warnings,
      files: [...(configFile === null ? [] : [configFile]), ...secrets.files],
    },
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
  const asYaml = (): ReadSource => tagged(parseYaml(configFile, text, env), false)
  if (!looksLikeJson(text)) return asYaml()
  const parsed = parseJson(configFile, text)
  // JSON is YAML too: our own config may come as JSON from a program.
  return parsed.ok && isOurs(parsed.source.root) ? asYaml() : tagged(parsed, true)
}

function tagged(result: SourceResult, isFsm: boolean): ReadSource {
  return result.ok ? { ...result, isFsm } : result
}

/** Whether a text begins as JSON does: an object with a quoted key, or none. A YAML map in braces mostly has bare keys. */
function looksLikeJson(text: string): boolean {
  return /^\s*(?:\{\s*(?:["}]|$)|\[)/.test(text.slice(0, 1_000))
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

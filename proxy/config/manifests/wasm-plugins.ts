import { createHash } from 'node:crypto'
import type { Model } from '../../../chains/model.ts'
import type { PluginSpec, WasmSettings } from '../../../chains/plugins.ts'
import type { WasmCode } from '../../../sandbox/wasm/module/compile.ts'
import { ModuleRefusal } from '../../modules/contract.ts'
import { filePath } from '../../modules/urls.ts'
import type { WasmModules } from '../../modules/wasm-modules.ts'
import type { Fault } from '../fault.ts'
import type { UncompiledPlugin } from '../settings.ts'
import type { PluginDefinition } from './definition.ts'
import type { PluginLibrary } from './library.ts'
import type { WasmDefinition } from './wasm-definition.ts'

/** A model whose WebAssembly plugins have their modules, as far as those could be had. */
export interface FetchedModel {
  readonly model: Model
  readonly faulty: readonly UncompiledPlugin[]
  /** Files of modules. */
  readonly files: readonly string[]
}

/** A slow server holds up only those beside it. */
const maxAtOnce = 8

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Fetches and compiles the modules of a sidecar's plugins; of no others, because they come from afar. A plugin whose
 * module cannot be had keeps its faults in place of it.
 */
export async function withModules(
  model: Model,
  library: PluginLibrary,
  modules: WasmModules,
  env: Environment,
): Promise<FetchedModel> {
  modules.begin()
  const faulty: UncompiledPlugin[] = []
  const files: string[] = []
  const made = async (spec: PluginSpec, definition: PluginDefinition | undefined): Promise<PluginSpec> => {
    if (!definition?.wasm) return spec
    const { url, folder } = definition.wasm.request
    if (/^file:/i.test(url)) files.push(filePath(url, folder))
    const result = await fetched(spec, { ...definition, wasm: definition.wasm }, modules, env)
    const { name, version } = result.spec
    if (result.faults.length > 0) faulty.push({ name, version, faults: result.faults })
    return result.spec
  }
  const complete = async (spec: PluginSpec): Promise<PluginSpec> => {
    const plugin = library.plugins.get(spec.name)
    const previous = spec.previous && (await made(spec.previous, plugin?.previous?.definition))
    return { ...(await made(spec, plugin?.current.definition)), previous }
  }
  const plugins: PluginSpec[] = []
  for (let at = 0; at < model.plugins.length; at += maxAtOnce)
    plugins.push(...(await Promise.all(model.plugins.slice(at, at + maxAtOnce).map(complete))))
  return { model: { ...model, plugins }, faulty, files }
}

type ModuleDefinition = PluginDefinition & { readonly wasm: WasmDefinition }

async function fetched(
  spec: PluginSpec,
  definition: ModuleDefinition,
  modules: WasmModules,
  env: Environment,
): Promise<{ readonly spec: PluginSpec; readonly faults: readonly Fault[] }> {
  const { wasm } = definition
  const environment = environmentOf(definition, spec.policy.grants.env, env)
  const { request, ...settings } = wasm
  const stamp = [settings, environment]
  try {
    const code = await modules.load({ ...request, owner: spec.name }, spec.policy.limits.memoryMiB)
    const version = definition.version ?? versionOf([code.digest, stamp])
    return { spec: { ...spec, version, wasm: settingsOf(wasm, environment, code) }, faults: [] }
  } catch (thrown) {
    if (!(thrown instanceof ModuleRefusal)) throw thrown
    // Not with the faults of the config: a stand-in may act for a plugin that cannot be loaded.
    const report = definition.report.aside()
    report.add(definition.paths.text, thrown.message)
    const { faults } = report.verdict()
    return { spec: { ...spec, version: definition.version ?? versionOf([request, stamp]), faults }, faults }
  }
}

const versionOf = (content: unknown): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12)

function settingsOf(
  wasm: WasmDefinition,
  environment: WasmSettings['environment'],
  { abi, module, digest }: WasmCode,
): WasmSettings {
  const { rootId, vmId, bodyWhileHeadersHeld, capabilities } = wasm
  const bytes = (text: string) => new TextEncoder().encode(text)
  return {
    ...{ abi, module, digest, rootId, vmId, bodyWhileHeadersHeld, capabilities, environment },
    vmConfiguration: bytes(wasm.vmConfiguration),
    configuration: bytes(wasm.configuration),
  }
}

/** What a module sees: what the manifest says, and of our environment what the policy grants and is there. */
function environmentOf(
  { wasm }: ModuleDefinition,
  granted: readonly string[],
  env: Environment,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    wasm.environment.flatMap(({ name, value }) => {
      const seen = value ?? (granted.includes(name) ? env[name] : undefined)
      return seen === undefined ? [] : [[name, seen]]
    }),
  )
}

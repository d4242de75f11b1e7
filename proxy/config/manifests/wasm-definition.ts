import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import type { ModuleRequest } from '../../modules/contract.ts'
import type { Read } from '../shape/shape.ts'
import type { Reporter } from './report.ts'
import type { wasmShape } from './wasm-shapes.ts'

/** A variable that a module is to see; null takes it from the environment of the process. */
export interface WasmVariable {
  readonly name: string
  readonly value: string | null
}

/** A WebAssembly plugin as somebody wrote it down: what to fetch, and what to run it with. */
export interface WasmDefinition {
  readonly request: Omit<ModuleRequest, 'owner'>
  readonly configuration: string
  readonly rootId: string
  readonly vmId: string
  readonly vmConfiguration: string
  readonly environment: readonly WasmVariable[]
  readonly bodyWhileHeadersHeld: boolean
  readonly capabilities: readonly string[] | null
}

/** What all kinds say of a module, in their shapes. */
export interface WasmFields
  extends Pick<Read<typeof wasmShape>, 'sha256' | 'imagePullPolicy' | 'pluginConfig' | 'pluginName'> {
  readonly url: string
  readonly vmConfig: Pick<NonNullable<Read<typeof wasmShape>['vmConfig']>, 'env'> | null
}

/** Brings what a kind says of a module into one form. `resourceVersion` is of its resource, if it has one. */
export function wasmDefinition(
  fields: WasmFields,
  file: string,
  resourceVersion: string | null,
  report: Reporter,
): WasmDefinition {
  const { url, sha256, imagePullPolicy, pluginConfig, pluginName, vmConfig } = fields
  const resource = createHash('sha256')
    .update(JSON.stringify([fields, resourceVersion]))
    .digest('hex')
  return {
    request: {
      url,
      sha256: sha256?.toLowerCase() ?? null,
      pullPolicy: imagePullPolicy === 'UNSPECIFIED_POLICY' ? null : imagePullPolicy,
      folder: dirname(file),
      resource,
    },
    configuration: asText(pluginConfig),
    rootId: pluginName ?? '',
    vmId: '',
    vmConfiguration: '',
    environment: variablesOf(vmConfig?.env ?? [], report),
    bodyWhileHeadersHeld: false,
    capabilities: null,
  }
}

/** A {@link wasmDefinition} with what only our own kinds can say. */
export function ownWasmDefinition(
  spec: Read<typeof wasmShape>,
  url: string,
  file: string,
  resourceVersion: string | null,
  report: Reporter,
): WasmDefinition {
  return {
    ...wasmDefinition({ ...spec, url }, file, resourceVersion, report),
    vmId: spec.vmConfig?.vmId ?? '',
    vmConfiguration: asText(spec.vmConfig?.configuration ?? null),
    bodyWhileHeadersHeld: spec.allowOnHeadersStopIteration ?? false,
    capabilities: spec.capabilities,
  }
}

/** What Kubernetes counts the states of a resource by; null outside of it. */
export function stampOf(metadata: {
  readonly resourceVersion: unknown
  readonly generation: unknown
}): string | null {
  const stamp = metadata.resourceVersion ?? metadata.generation
  return stamp === null ? null : asText(stamp)
}

/** What a module without any settings is run with. */
export const bareWasm = (url: string, file: string, report: Reporter): WasmDefinition =>
  wasmDefinition(
    { url, sha256: null, imagePullPolicy: null, pluginConfig: null, pluginName: null, vmConfig: null },
    file,
    null,
    report,
  )

/** How a value of a manifest is told to a module: text as it is, nothing as nothing, anything else as JSON. */
export function asText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function variablesOf(
  env: NonNullable<WasmFields['vmConfig']>['env'],
  report: Reporter,
): readonly WasmVariable[] {
  const known = new Set<string>()
  return env.map((variable) => {
    const { name, valueFrom, value } = variable
    if (known.has(name))
      report.add(report.pathOf(variable, 'name'), 'is there already: give each its own name')
    known.add(name)
    if (valueFrom !== 'HOST') return { name, value: value ?? '' }
    if (value !== null) report.warn(report.pathOf(variable, 'value'), 'has no effect with HOST', 'key')
    return { name, value: null }
  })
}

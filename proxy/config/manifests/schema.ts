import { type JsonSchema, toJsonSchema } from '../shape/json-schema.ts'
import { trafficExtensionShape, wasmPluginShape } from './istio-shapes.ts'
import { pluginChainShape, pluginConfigShape, pluginShape } from './resource-shapes.ts'

const kinds = {
  Plugin: pluginShape,
  PluginChain: pluginChainShape,
  PluginConfig: pluginConfigShape,
  WasmPlugin: wasmPluginShape,
  TrafficExtension: trafficExtensionShape,
} as const

/** The JSON Schema of one document of a manifest, made from the same tables as its reader. */
export function manifestsSchema(): JsonSchema {
  const definitions: Record<string, unknown> = {}
  for (const [kind, shape] of Object.entries(kinds)) {
    const { definitions: parts, ...schema } = withoutEnvironment(toJsonSchema(shape, kind, '')) as JsonSchema
    Object.assign(definitions, parts)
    const { $schema: _version, title: _title, description: _description, ...body } = schema
    definitions[kind] = body
  }
  delete definitions.fromEnvironment
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Pillion manifests',
    description: "One of FSM's resources for plugins, with our additions, or of Istio's.",
    type: 'object',
    required: ['apiVersion', 'kind'],
    properties: { kind: { enum: Object.keys(kinds) } },
    allOf: Object.keys(kinds).map((kind) => ({
      if: { properties: { kind: { enum: [kind] } } },
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
      then: { $ref: `#/definitions/${kind}` },
    })),
    definitions: Object.fromEntries(Object.entries(definitions).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  }
}

/** Manifests hold scripts, in which `${…}` is their own: nothing of the environment is put into them. */
function withoutEnvironment(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutEnvironment)
  if (typeof schema !== 'object' || schema === null) return schema
  const { anyOf, ...rest } = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, withoutEnvironment(value)]),
  )
  if (!Array.isArray(anyOf)) return rest
  const kept = (anyOf as readonly JsonSchema[]).filter(({ $ref }) => $ref !== '#/definitions/fromEnvironment')
  return kept.length === 1 ? { ...rest, ...kept[0] } : { ...rest, anyOf: kept }
}

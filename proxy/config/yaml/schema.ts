import { type JsonSchema, toJsonSchema } from '../shape/json-schema.ts'
import { configShape } from './config-shape.ts'

/** The JSON Schema of our YAML, made from the same table as its parser. */
export function sidecarSchema(): JsonSchema {
  return toJsonSchema(
    configShape,
    'Pillion sidecar',
    `What a sidecar does: what comes in, what goes out, and within which limits. \${NAME} and \${NAME:-default} in a value stand for the environment; $\${ stands for \${ itself.`,
  )
}

import type { Field, Rule, Shape, TextKind } from './shape.ts'

/** A JSON Schema, draft 7, which is what editors understand best. */
export interface JsonSchema {
  readonly [key: string]: unknown
}

/** Text from the environment can stand wherever a bare word can. */
const substitution: JsonSchema = { $ref: '#/definitions/fromEnvironment' }
const fromEnvironment: JsonSchema = {
  description: 'Text with an environment variable in it.',
  type: 'string',
  pattern: '\\$\\{',
}

/** Writes a shape as a JSON Schema. Objects become definitions, named as the shapes are. */
export function toJsonSchema(shape: Shape<unknown>, title: string, description: string): JsonSchema {
  const definitions = new Map([['fromEnvironment', fromEnvironment]])
  const { properties, ...rest } = objectSchema(shape.rule as Extract<Rule, { is: 'object' }>, definitions)
  const sorted = [...definitions].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    description,
    ...rest,
    properties,
    definitions: Object.fromEntries(sorted),
  }
}

function ruleSchema(rule: Rule, definitions: Map<string, JsonSchema>): JsonSchema {
  switch (rule.is) {
    case 'text':
      return textSchema(rule.kind)
    case 'number': {
      return anyOf([numberSchema(rule.isInteger, rule.min, rule.max), substitution])
    }
    case 'boolean':
      return anyOf([{ type: 'boolean' }, substitution])
    case 'choice':
      return anyOf([{ enum: rule.values }, substitution])
    case 'list': {
      const min = rule.min > 0 ? { minItems: rule.min } : {}
      return { type: 'array', items: ruleSchema(rule.of, definitions), ...min }
    }
    case 'map': {
      const names = rule.key.pattern === null ? {} : { propertyNames: { pattern: rule.key.pattern } }
      const min = rule.min > 0 ? { minProperties: rule.min } : {}
      return { type: 'object', ...names, ...min, additionalProperties: ruleSchema(rule.of, definitions) }
    }
    case 'object': {
      if (!definitions.has(rule.name)) definitions.set(rule.name, objectSchema(rule, definitions))
      return { $ref: `#/definitions/${rule.name}` }
    }
    case 'either':
      return anyOf(rule.of.map((one) => ruleSchema(one, definitions)))
    case 'nullable':
      return anyOf([ruleSchema(rule.of, definitions), { type: 'null' }])
    case 'json':
      return {}
  }
}

function objectSchema(
  rule: Extract<Rule, { is: 'object' }>,
  definitions: Map<string, JsonSchema>,
): JsonSchema {
  const fields = Object.entries(rule.fields)
  const required = fields.filter(([, field]) => field.isRequired).map(([key]) => key)
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 ? { required } : {}),
    properties: Object.fromEntries(fields.map(([key, field]) => [key, fieldSchema(field, definitions)])),
  }
}

function fieldSchema(field: Field<unknown>, definitions: Map<string, JsonSchema>): JsonSchema {
  const schema = ruleSchema(field.shape.rule, definitions)
  const hasDefault = field.fallback !== null && field.fallback !== undefined
  return {
    description: field.description,
    ...(hasDefault ? { default: written(field.shape.rule, field.fallback) } : {}),
    // Draft 7 ignores what stands beside a reference.
    ...('$ref' in schema ? { allOf: [schema] } : schema),
  }
}

/** A default, as it would be written in a config. */
function written(rule: Rule, value: unknown): unknown {
  if (rule.is === 'text') return rule.kind.write(value)
  if (rule.is === 'list' && Array.isArray(value)) return value.map((item) => written(rule.of, item))
  if (rule.is === 'either') return rule.of[0] ? written(rule.of[0], value) : value
  return value
}

function numberSchema(isInteger: boolean, minimum: number, max: number): JsonSchema {
  const maximum = max < Number.MAX_SAFE_INTEGER ? { maximum: max } : {}
  return { type: isInteger ? 'integer' : 'number', minimum, ...maximum }
}

function textSchema(kind: TextKind<unknown>): JsonSchema {
  if (kind.pattern === null) return { type: 'string' }
  const exact = { type: 'string', pattern: kind.pattern }
  return anyOf([exact, ...(kind.number ? [numberSchema(true, 0, kind.number.max)] : []), substitution])
}

/** Joins alternatives, each once. */
function anyOf(schemas: readonly JsonSchema[]): JsonSchema {
  const flat = schemas.flatMap((schema) => (Array.isArray(schema.anyOf) ? schema.anyOf : [schema]))
  const unique = new Map(flat.map((schema) => [JSON.stringify(schema), schema]))
  return unique.size === 1 ? (flat[0] ?? {}) : { anyOf: [...unique.values()] }
}

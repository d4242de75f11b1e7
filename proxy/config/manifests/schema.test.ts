import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { parseAllDocuments } from 'yaml'
import type { JsonSchema } from '../shape/json-schema.ts'
import { manifestsSchema } from './schema.ts'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const schema = manifestsSchema()
const definitions = schema.definitions as Readonly<Record<string, JsonSchema>>

test('the schema in the repository is what the shapes say', (t) => {
  t.same(
    JSON.parse(read('../../../schema/manifests.schema.json')),
    schema,
    'run proxy/config/write-schema.ts',
  )
  t.end()
})

test('every reference in it leads somewhere, and nothing is taken from the environment', (t) => {
  const text = JSON.stringify(schema)
  for (const [, name] of text.matchAll(/"#\/definitions\/([^"]+)"/g))
    t.ok(name && definitions[name], String(name))
  t.notMatch(text, /fromEnvironment/)
  t.end()
})

/** The keys of a value that its schema does not name. */
function unknownKeys(rule: JsonSchema, value: unknown, path: string): readonly string[] {
  const parts = [rule, ...((rule.allOf ?? rule.anyOf ?? []) as JsonSchema[])]
  const [named] = parts.flatMap(({ $ref }) =>
    typeof $ref === 'string' ? [$ref.replace('#/definitions/', '')] : [],
  )
  if (named !== undefined) return unknownKeys(definitions[named] ?? {}, value, path)
  if (Array.isArray(value))
    return value.flatMap((item) => unknownKeys((rule.items ?? {}) as JsonSchema, item, `${path}[]`))
  if (typeof value !== 'object' || value === null || !rule.properties) return []
  const properties = rule.properties as Readonly<Record<string, JsonSchema>>
  return Object.entries(value).flatMap(([key, item]) => {
    const below = properties[key]
    return below ? unknownKeys(below, item, `${path}.${key}`) : [`${path}.${key}`]
  })
}

test('it knows every field that the samples have', (t) => {
  const documents = parseAllDocuments(read('../testing/plugins/many-kinds.yaml')).map(
    (one) => one.toJS() as JsonSchema,
  )
  const resources = documents.flatMap((one) =>
    Array.isArray(one.items) ? (one.items as JsonSchema[]) : [one],
  )
  t.equal(resources.length, 4)
  for (const resource of resources) {
    const kind = String(resource.kind)
    t.strictSame(unknownKeys(definitions[kind] ?? {}, resource, kind), [])
  }
  t.strictSame(unknownKeys(definitions.Plugin ?? {}, { spec: { policy: { onErr: 1 } } }, 'Plugin'), [
    'Plugin.spec.policy.onErr',
  ])
  t.end()
})

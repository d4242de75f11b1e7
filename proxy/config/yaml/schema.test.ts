// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts of ${…} are what is tested

import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { parse } from 'yaml'
import { FaultList } from '../fault-list.ts'
import type { JsonSchema } from '../shape/json-schema.ts'
import { readShape } from '../shape/read.ts'
import type { Field, Rule } from '../shape/shape.ts'
import { configShape } from './config-shape.ts'
import { sidecarSchema } from './schema.ts'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const schema = sidecarSchema()
const definitions = schema.definitions as Readonly<Record<string, JsonSchema>>

/** Whether a value keeps to a schema; knows the words that our schema uses, and throws on others. */
function accepts(rule: JsonSchema, value: unknown): boolean {
  return (
    Object.entries(rule).every(([word, given]) => {
      switch (word) {
        case '$schema':
        case 'title':
        case 'description':
        case 'default':
        case 'definitions':
        case 'additionalProperties':
          return true
        case '$ref':
          return accepts(definitions[String(given).replace('#/definitions/', '')] ?? { enum: [] }, value)
        case 'anyOf':
          return (given as JsonSchema[]).some((one) => accepts(one, value))
        case 'allOf':
          return (given as JsonSchema[]).every((one) => accepts(one, value))
        case 'type':
          return typesOf(value).includes(String(given))
        case 'enum':
          return (given as unknown[]).includes(value)
        case 'pattern':
          return typeof value !== 'string' || new RegExp(String(given), 'u').test(value)
        case 'minimum':
          return typeof value !== 'number' || value >= Number(given)
        case 'maximum':
          return typeof value !== 'number' || value <= Number(given)
        case 'minItems':
          return !Array.isArray(value) || value.length >= Number(given)
        case 'minProperties':
          return !isObject(value) || Object.keys(value).length >= Number(given)
        case 'items':
          return !Array.isArray(value) || value.every((item) => accepts(given as JsonSchema, item))
        case 'required':
          return !isObject(value) || (given as string[]).every((key) => Object.hasOwn(value, key))
        case 'propertyNames':
          return !isObject(value) || Object.keys(value).every((key) => accepts(given as JsonSchema, key))
        case 'properties':
          return true
        default:
          throw new Error(`the schema uses ${word}`)
      }
    }) && acceptsKeys(rule, value)
  )
}

function acceptsKeys(rule: JsonSchema, value: unknown): boolean {
  if (!isObject(value)) return true
  const properties = (rule.properties ?? {}) as Readonly<Record<string, JsonSchema>>
  const rest = rule.additionalProperties
  return Object.entries(value).every(([key, item]) => {
    if (Object.hasOwn(properties, key)) return accepts(properties[key] ?? {}, item)
    return rest === undefined || (rest !== false && accepts(rest as JsonSchema, item))
  })
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function typesOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return ['array']
  if (value === null) return ['null']
  if (typeof value === 'number') return Number.isInteger(value) ? ['integer', 'number'] : ['number']
  return [typeof value]
}

/** Whether the parser's first pass takes a value. */
function parserTakes(value: unknown): boolean {
  const faults = new FaultList()
  readShape(configShape, value, faults, 'strict')
  return !faults.hasFaults
}

/** Every object of the config with its keys, by the name of its shape. */
function objectsOf(rule: Rule, seen = new Map<string, Readonly<Record<string, Field<unknown>>>>()) {
  if (rule.is === 'object' && !seen.has(rule.name)) {
    seen.set(rule.name, rule.fields)
    for (const field of Object.values(rule.fields)) objectsOf(field.shape.rule, seen)
  } else if (rule.is === 'either') for (const one of rule.of) objectsOf(one, seen)
  else if (rule.is === 'list' || rule.is === 'map' || rule.is === 'nullable') objectsOf(rule.of, seen)
  return seen
}

test('the schema in the repository is what the shapes say', (t) => {
  t.same(JSON.parse(read('../../../schema/sidecar.schema.json')), schema, 'run proxy/config/write-schema.ts')
  t.end()
})

test('parser and schema know the same keys, each with a description', (t) => {
  for (const [name, fields] of objectsOf(configShape.rule)) {
    const own = name === 'config' ? schema : definitions[name]
    t.same(Object.keys((own?.properties ?? {}) as object), Object.keys(fields), name)
    for (const [key, field] of Object.entries(fields))
      t.ok(field.description.endsWith('.'), `${name}.${key} is described`)
  }
  t.end()
})

test('no two shapes share a name', (t) => {
  const byName = new Map<string, unknown>()
  const visit = (rule: Rule): void => {
    if (rule.is === 'object') {
      const known = byName.get(rule.name)
      if (known === undefined) {
        byName.set(rule.name, rule.fields)
        for (const field of Object.values(rule.fields)) visit(field.shape.rule)
      } else t.equal(known, rule.fields, rule.name)
    } else if (rule.is === 'either') rule.of.forEach(visit)
    else if (rule.is === 'list' || rule.is === 'map' || rule.is === 'nullable') visit(rule.of)
  }
  visit(configShape.rule)
  t.end()
})

test('a default in the schema, written into a config, is read as the default of the parser', (t) => {
  for (const [name, fields] of objectsOf(configShape.rule)) {
    const own = name === 'config' ? schema : definitions[name]
    const properties = (own?.properties ?? {}) as Readonly<Record<string, JsonSchema>>
    for (const [key, field] of Object.entries(fields)) {
      const given = properties[key]?.default
      if (given === undefined) continue
      const faults = new FaultList()
      t.same(readShape(field.shape, given, faults, 'strict'), field.fallback, `${name}.${key}`)
      t.notOk(faults.hasFaults)
    }
  }
  t.end()
})

test('sample documents are judged alike', (t) => {
  const good = [
    read('../testing/everything.yaml'),
    '{}',
    'workers: auto',
    'workers: ${N}',
    'timeouts: { connect: 0, idle: "${IDLE}" }',
    'limits: { head: 4096 }',
    'chains: { inbound-tcp: [fallback] }',
    'accessLog: "-"',
    'admin: off',
    'outbound: { listen: ["127.0.0.1:1", "[::1]:2"] }',
    'inbound: [{ application: "a:1", retry: { on: [503, 5xx] } }]',
  ]
  const bad = [
    'sidecr: {}',
    'inbound: {}',
    'inbound: [1]',
    'inbound: [{ listen: 15003 }]',
    'inbound: [{ listen: "15003" }]',
    'inbound: [{ hosts: [] }]',
    'inbound: [{ protocol: HTTP }]',
    'inbound: [{ routes: [{ path: admin }] }]',
    'inbound: [{ rateLimit: {} }]',
    'inbound: [{ retry: { on: [700] } }]',
    'outbound: { services: [{}] }',
    'outbound: { services: [{ name: a, split: {} }] }',
    'outbound: { services: [{ name: a, endpoints: [{ address: "a:1", weight: -1 }] }] }',
    'outbound: { egress: 1 }',
    'timeouts: { connect: 5 }',
    'timeouts: { connect: 5 s }',
    'limits: { head: 1kb }',
    'limits: { headers: 0 }',
    'accessLog: { sample: 2 }',
    'metrics: 15010',
    'workers: 0',
    'workers: many',
    'originalDestination: redirect',
    'chains: { inbound: {} }',
    'chains: { inbound-http: { retry: on } }',
    'logLevel: trace',
    'allow: 10.0.0.0/8',
  ]
  for (const text of good) {
    const value: unknown = parse(text)
    t.ok(accepts(schema, value), `the schema takes ${text.slice(0, 60)}`)
    if (!text.includes('${')) t.ok(parserTakes(value), `the parser takes ${text.slice(0, 60)}`)
  }
  for (const text of bad) {
    t.notOk(accepts(schema, parse(text)), `the schema refuses ${text}`)
    t.notOk(parserTakes(parse(text)), `the parser refuses ${text}`)
  }
  t.end()
})

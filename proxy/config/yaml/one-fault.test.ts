import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { parse } from 'yaml'
import { formatFault } from '../fault.ts'
import { FaultList } from '../fault-list.ts'
import { readFlags } from '../flags.ts'
import { emptyLibrary } from '../manifests/library.ts'
import { loadText } from '../testing/config-file.ts'
import { buildYaml, readYaml } from './build.ts'

type Tree = Record<string, unknown>

const everything = readFileSync(new URL('../testing/everything.yaml', import.meta.url), 'utf8')

/** What the other sample does not have: listeners of their own, protocols that are no HTTP, names that are no hosts. */
const listeners = `
inbound:
  - { listen: 127.0.0.1:15003, application: 127.0.0.1:9000 }
  - { listen: 127.0.0.1:15004, protocol: tcp, application: 127.0.0.1:9001 }
outbound:
  listen: 127.0.0.1:15001
  services:
    - { name: my database, protocol: tcp, listen: 127.0.0.1:5432, endpoints: [127.0.0.1:9002] }
    - { name: the shop, hosts: [shop], endpoints: [127.0.0.1:9003], balancing: { policy: ring-hash, hashHeader: x } }
    - { name: talk, protocol: http, clusters: { a: { endpoints: [127.0.0.1:9004] } }, routes: [{ cluster: a }] }
    - name: pair
      listen: 127.0.0.1:5433
      protocol: tcp
      clusters: { a: { endpoints: [127.0.0.1:9005] }, b: { endpoints: [127.0.0.1:9006] } }
      split: { a: 1, b: 1 }
`
/** The same where the destination decides. */
const destinations = `
originalDestination: proxy-protocol
inbound:
  - { listen: 127.0.0.1:15003, port: 80, application: 127.0.0.1:9000 }
  - { port: 81, protocol: tcp, application: 127.0.0.1:9001 }
  - { listen: 127.0.0.1:15003, port: 82, application: 127.0.0.1:9000 }
outbound:
  listen: 127.0.0.1:15001
  services:
    - { name: one, ports: [80], endpoints: [127.0.0.1:9002] }
    - { name: two, ports: [81], protocol: tcp, endpoints: [127.0.0.1:9003] }
    - { name: three, ports: [81], protocol: tcp, addresses: [10.0.0.1], endpoints: [127.0.0.1:9004] }
`

/** Values that nothing takes for good. */
const wrong: readonly unknown[] = [null, true, -1, 'wrong one\u0001', [null], [[]]]

function faultsOf(root: unknown): readonly string[] {
  const faults = new FaultList()
  const flags = readFlags({}, faults)
  const config = readYaml(root, faults)
  if (config) buildYaml(config, { flags, env: {}, library: emptyLibrary }, faults)
  return faults.settle('FILE', (places) => places.map(() => ({ line: 1, column: 1 }))).faults.map(formatFault)
}

/** The way to every value below `node`. */
function* pathsOf(node: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (path.length > 0) yield path
  if (typeof node !== 'object' || node === null) return
  for (const key of Object.keys(node)) yield* pathsOf((node as Tree)[key], [...path, key])
}

/** A copy in which what holds the value at `path` has been changed. */
function changed(tree: Tree, path: readonly string[], change: (holder: Tree, key: string) => void): Tree {
  const copy = structuredClone(tree)
  const holder = path.slice(0, -1).reduce((node, key) => node[key] as Tree, copy)
  change(holder, path.at(-1) ?? '')
  return copy
}

for (const [name, text] of Object.entries({ everything, listeners, destinations })) {
  const sample = parse(text) as Tree

  test(`one wrong value in the sample ${name} is one fault`, async (t) => {
    t.same(faultsOf(sample), [])
    for (const path of pathsOf(sample)) {
      for (const value of wrong) {
        const faults = faultsOf(changed(sample, path, (holder, key) => (holder[key] = value)))
        if (faults.length > 1) t.fail(`${path.join('.')} = ${JSON.stringify(value)}`, { faults })
      }
    }
  })

  test(`one misspelt key in the sample ${name} is one fault`, async (t) => {
    for (const path of pathsOf(sample)) {
      const rename = (holder: Tree, key: string) => {
        if (Array.isArray(holder)) return
        holder[`${key}x`] = holder[key]
        delete holder[key]
      }
      const faults = faultsOf(changed(sample, path, rename)).filter((one) => !isOfAName(one))
      if (faults.length > 1) t.fail(path.join('.'), { faults })
    }
  })
}

/** Where a cluster that is not there is named: each place has to be changed, so each is told. */
const isOfAName = (fault: string): boolean => fault.includes('which is no cluster of this service')

test('what a wrong value leaves open is not told beside it', async (t) => {
  const faultsIn = async (route: string) => {
    const { faults } = await loadText(`
outbound:
  listen: 127.0.0.1:1
  services:
    - name: a
      clusters: { v1: { endpoints: ["127.0.0.1:2"] }, v2: { endpoints: ["127.0.0.1:3"] } }
      split: { v1: 1, v2: 1 }
      routes: [${route}]
`)
    return faults.map((fault) => fault.replace(/^FILE:8:\d+: outbound\.services\[0\]\.routes\[0\]\.?/, ''))
  }
  t.same(await faultsIn('{ path: { prefix: a } }'), [
    'path.prefix: is "a": expected a path that starts with /',
  ])
  t.same(await faultsIn('{ path: { prefx: /a } }'), [
    'path.prefx: there is no such key; did you mean prefix?',
  ])
  t.same(await faultsIn('{ path: { beginning: /a } }'), [
    'path.beginning: there is no such key: expected exact, prefix or regex',
  ])
  t.same(await faultsIn('{ path: {} }'), ['path: expected one of exact, prefix and regex'])
  t.same(await faultsIn('{ path: { exact: /a, prefix: /b } }'), [
    'path: expected one of exact, prefix and regex',
  ])
  t.same(await faultsIn('{ rateLimit: { request: 5 } }'), [
    'rateLimit.request: there is no such key; did you mean requests?',
  ])
  t.same(await faultsIn('{ rateLimit: { number: 5 } }'), [
    'rateLimit.requests: is missing',
    'rateLimit.number: there is no such key: expected requests, per, burst, status or headers',
  ])
})

test('a split that sends nothing anywhere is one fault', async (t) => {
  const faultsIn = async (service: string, route: string) => {
    const { faults } = await loadText(`
outbound:
  listen: 127.0.0.1:1
  services:
    - name: a
      clusters: { v1: { endpoints: ["127.0.0.1:2"] }, v2: { endpoints: ["127.0.0.1:3"] } }
      split: ${service}
      routes: [{ path: /a, split: ${route} }, { path: /b }]
`)
    return faults
  }
  const path = 'outbound.services[0]'
  const text = 'holds only weights of 0: expected at least one above 0'
  t.same(await faultsIn('{ v1: 0, v2: 1 }', '{ v1: 1 }'), [])
  t.same(await faultsIn('{ v1: 0, v2: 0 }', '{ v1: 1 }'), [`FILE:7:14: ${path}.split: ${text}`])
  t.same(await faultsIn('{ v1: 1 }', '{ v1: 0 }'), [`FILE:8:35: ${path}.routes[0].split: ${text}`])
  t.match(await faultsIn('{ v1: 0, v2: -1 }', '{ v1: 1 }'), [/split\.v2: is -1/], 'what is refused may be it')
  t.match(await faultsIn('{ v1: 0, v3: 0 }', '{ v1: 1 }'), [/split\.v3: is "v3"/], 'one fault for one split')
})

test('a wrong flag is one fault, whatever the config would have needed it for', async (t) => {
  const inbound = 'inbound: [{ application: 127.0.0.1:2 }]'
  const outbound = 'outbound: { services: [{ name: a, endpoints: [127.0.0.1:3] }] }'
  const cases = [
    [inbound, { inbound: ['x'] }],
    [`originalDestination: header\n${inbound}`, { inbound: ['x'] }],
    [outbound, { outbound: ['x'] }],
    [destinations.replace('originalDestination: proxy-protocol', ''), { originalDestination: 'x' }],
    ['{"Outbound":{}}', { originalDestination: 'x' }],
  ] as const
  for (const [text, flags] of cases) {
    const { faults } = await loadText(text, flags)
    t.match(faults, [/^--[a-z-]+: is "x": expected /], text)
    t.equal(faults.length, 1)
  }
})

import { readFileSync } from 'node:fs'
import { test } from 'tap'
import type { Given } from './draft.ts'
import { FaultList } from './fault-list.ts'
import { readFlags } from './flags.ts'
import { buildFsm } from './fsm/build.ts'
import { emptyLibrary } from './manifests/library.ts'
import { type Resources, readManifest } from './manifests/resources.ts'
import { parseJson } from './source/json-source.ts'
import { findJsonFault } from './source/json-syntax.ts'
import type { SourceResult } from './source/source.ts'
import { parseYaml, parseYamlDocuments } from './source/yaml-source.ts'
import { mutate, seededRandom } from './testing/config-file.ts'
import { buildYaml, readYaml } from './yaml/build.ts'

const read = (name: string) => readFileSync(new URL(`./testing/${name}`, import.meta.url), 'utf8')
const runs = 1_500

type Build = (root: unknown, given: Given, faults: FaultList) => unknown

const buildOurs: Build = (root, given, faults) => {
  const config = readYaml(root, faults)
  return config && buildYaml(config, given, faults)
}

/** Parses and builds as a load does, and returns the faults. */
function faultsOf(parsed: SourceResult, build: Build) {
  if (!parsed.ok) return parsed.faults
  const faults = new FaultList()
  for (const fault of parsed.source.faults) faults.addLoose(fault)
  const flags = readFlags({ originalDestination: 'proxy-protocol' }, faults)
  build(parsed.source.root, { flags, env: {}, library: emptyLibrary }, faults)
  return faults.settle('FILE', parsed.source.locate).faults
}

const lineCount = (text: string) => text.split('\n').length

test('no damage to a YAML config makes the parser throw, and every fault has its place', (t) => {
  const text = read('everything.yaml')
  const random = seededRandom(1)
  let refused = 0
  for (let run = 0; run < runs; run += 1) {
    const damaged = run % 3 === 0 ? mutate(mutate(text, random), random) : mutate(text, random)
    const faults = faultsOf(parseYaml('FILE', damaged, { TOKEN: 'x' }), buildOurs)
    if (faults.length > 0) refused += 1
    for (const fault of faults) {
      const isFine =
        fault.line >= 1 &&
        fault.line <= lineCount(damaged) &&
        fault.column >= 1 &&
        !fault.message.includes('\n')
      if (!isFine) t.fail(`run ${run}: ${JSON.stringify(fault)}`)
    }
  }
  t.ok(refused > runs / 2, `${refused} of ${runs} were refused`)
  t.end()
})

test('no damage to an FSM config makes the parser throw, and every fault has its place', (t) => {
  const text = read('worked-example.json')
  const random = seededRandom(2)
  for (let run = 0; run < runs; run += 1) {
    const damaged = mutate(text, random)
    const faults = faultsOf(parseJson('FILE', damaged), buildFsm)
    for (const fault of faults) {
      const isLoose = fault.file.startsWith('--')
      if (!isLoose && (fault.line < 1 || fault.line > lineCount(damaged)))
        t.fail(`run ${run}: ${JSON.stringify(fault)}`)
    }
  }
  t.end()
})

test('no damage to manifests makes their reader throw, and every fault has its place', (t) => {
  const text = read('plugins/many-kinds.yaml')
  const random = seededRandom(5)
  let survivors = 0
  for (let run = 0; run < runs; run += 1) {
    const damaged = mutate(text, random)
    const faults = new FaultList()
    const found: Resources = { plugins: [], chains: [], configs: [], reports: [] }
    const parsed = parseYamlDocuments('FILE', damaged)
    const documents = parsed.ok ? parsed.documents : []
    for (const document of documents) readManifest('FILE', document, found)
    for (const report of found.reports) report.settle(faults)
    const verdict = faults.settle('FILE', (places) => places.map(() => ({ line: 1, column: 1 })))
    survivors += found.plugins.length
    for (const fault of [...verdict.faults, ...verdict.warnings, ...(parsed.ok ? [] : parsed.faults)]) {
      const isFine = fault.line >= 1 && fault.line <= lineCount(damaged) && !fault.message.includes('\n')
      if (!isFine) t.fail(`run ${run}: ${JSON.stringify(fault)}`)
    }
  }
  t.ok(survivors > runs / 2, `${survivors} plugins were read all the same`)
  t.end()
})

test('values of every wrong type are refused without a throw', (t) => {
  const wrong: readonly unknown[] = [
    null,
    true,
    0,
    -1,
    1e308,
    '',
    'x',
    [],
    [null],
    {},
    { a: {} },
    '__proto__',
  ]
  const random = seededRandom(3)
  const original = parseYaml('FILE', read('everything.yaml'), {})
  if (!original.ok) throw new Error('the sample is broken')
  const fsm: unknown = JSON.parse(read('worked-example.json'))
  for (let run = 0; run < runs; run += 1) {
    const value = wrong[run % wrong.length]
    const isFsm = run % 2 === 0
    const tree: unknown = structuredClone(isFsm ? fsm : original.source.root)
    replaceSomewhere(tree, value, random)
    const faults = new FaultList()
    const flags = readFlags({ originalDestination: 'header' }, faults)
    const build = isFsm ? buildFsm : buildOurs
    t.doesNotThrow(() => build(tree, { flags, env: {}, library: emptyLibrary }, faults))
  }
  t.end()
})

test('our search for JSON faults agrees with V8', (t) => {
  const random = seededRandom(4)
  const samples = [
    read('worked-example.json').slice(0, 700),
    '{"a":[1,-2.5e+3,"x\\u00e9\\n",null,true,{}],"b":[]}',
    '[[],{}]',
    '"x"',
  ]
  for (let run = 0; run < runs * 4; run += 1) {
    const damaged = mutate(samples[run % samples.length] ?? '', random)
    let isValid = true
    try {
      JSON.parse(damaged)
    } catch {
      isValid = false
    }
    if ((findJsonFault(damaged) === null) !== isValid) t.fail(`run ${run}: ${JSON.stringify(damaged)}`)
  }
  t.end()
})

/** Puts a value in the place of a random one below `tree`. */
function replaceSomewhere(tree: unknown, value: unknown, random: () => number): void {
  let node = tree as Record<string, unknown>
  for (;;) {
    const keys = Object.keys(node)
    const key = keys[Math.floor(random() * keys.length)]
    if (key === undefined) return
    const below = node[key]
    if (typeof below === 'object' && below !== null && Object.keys(below).length > 0 && random() < 0.8) {
      node = below as Record<string, unknown>
    } else {
      node[key] = value
      return
    }
  }
}

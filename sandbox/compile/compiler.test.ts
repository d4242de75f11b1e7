import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { defaultPluginPolicy, type PluginSpec } from '../../chains/plugins.ts'
import { type CompileLimits, PluginCompiler, type PluginText } from './compiler.ts'
import { positionFinder, positionIn } from './source-map.ts'

async function folderOf(t: Test, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-compile-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

async function compile(text: string, rest: Partial<PluginText> = {}, limits: Partial<CompileLimits> = {}) {
  await using compiler = new PluginCompiler(limits)
  return await compiler.compile({ text, language: 'typescript', file: 'hello.ts', folder: null, ...rest })
}

async function faultsOf(...args: Parameters<typeof compile>): Promise<readonly string[]> {
  const result = await compile(...args)
  if (result.ok) throw new Error('it was compiled')
  return result.faults.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`)
}

async function good(...args: Parameters<typeof compile>) {
  const result = await compile(...args)
  if (!result.ok) throw new Error(JSON.stringify(result.faults))
  return result.plugin
}

const specOf = (source: string, sourceMap: string | null): PluginSpec => ({
  name: 'hello',
  version: '1',
  language: 'javascript',
  source,
  origin: 'hello.ts',
  lineOffset: 0,
  columnOffset: 0,
  sourceMap,
  priority: 115,
  policy: defaultPluginPolicy,
  previous: null,
})

/** Line and column, from 1, of a word. */
function placeOf(text: string, word: string): readonly [number, number] {
  const before = text.slice(0, text.indexOf(word)).split('\n')
  return [before.length, (before.at(-1)?.length ?? 0) + 1]
}

test('JavaScript that imports nothing stays as its author wrote it', async (t) => {
  const text = '// mine\nexport default {  onRequest( request ) { } }\n'
  t.same(await good(text, { language: 'javascript', file: 'hello.js' }), {
    source: text,
    sourceMap: null,
    files: [],
  })
})

test('types are stripped, and places are found again in what the author wrote', async (t) => {
  const text = `interface Request {
  readonly path: string
}

export default {
  onRequest(request: Request) { if (request.path === '/é') throw new Error('here') },
}
`
  const { source, sourceMap } = await good(text)
  t.notMatch(source, /interface/)
  if (sourceMap === null) throw new Error('there is no map')
  const [line, column] = placeOf(source, 'throw new')
  const [authorLine, authorColumn] = placeOf(text, 'throw')
  const expected = { file: 'hello.ts', line: authorLine, column: authorColumn }
  t.same(positionIn(sourceMap, line, column), expected)
  const spec = specOf(source, sourceMap)
  t.same(positionFinder(spec)(line, column), expected)
  const inManifest = positionFinder({ ...spec, lineOffset: 10, columnOffset: 4 })
  t.same(inManifest(line, column), { ...expected, line: authorLine + 10, column: authorColumn + 4 })
  t.same(positionFinder(specOf(text, null))(3, 7), { file: 'hello.ts', line: 3, column: 7 })
})

test('packages and files are bundled, each with its own places', async (t) => {
  const folder = await folderOf(t, {
    'node_modules/leftish/package.json': '{"name":"leftish","main":"main.js"}',
    'node_modules/leftish/main.js': 'exports.pad = (text) => " " + text\n',
    'lib/names.ts':
      "import data from './data.json'\nexport const name: string = (() => { throw new Error(data.name) })()\n",
    'lib/data.json': '{"name":"x"}',
  })
  const text = `import { pad } from 'leftish'
import { name } from './lib/names.ts'
export default { onRequest: () => pad(name) }
`
  const { source, sourceMap, files } = await good(text, { folder })
  t.notMatch(source, /^import /m)
  t.same([...files].sort(), [join(folder, 'lib/data.json'), join(folder, 'lib/names.ts')])
  const [line, column] = placeOf(source, 'throw new')
  const position = positionFinder({ ...specOf(source, sourceMap), lineOffset: 50 })(line, column)
  t.same(
    position,
    { file: join(folder, 'lib/names.ts'), line: 2, column: 38 },
    'offsets are for the plugin itself',
  )
})

test('a package that is called like a module of Node is bundled', async (t) => {
  const folder = await folderOf(t, {
    'node_modules/events/package.json': '{"name":"events","main":"main.js"}',
    'node_modules/events/main.js': 'exports.on = 1\n',
  })
  const { source } = await good("import { on } from 'events'\nexport default { onRequest: () => on }", {
    folder,
  })
  t.match(source, 'exports.on = 1')
})

const plugin = 'export default {}'
const ofNode = (name: string) =>
  `"${name}" is a module of Node, which plugins do not have: use what \`cx\` gives (\`cx.fetch\`, \`cx.kv\`, \`cx.log\`), or a package that needs no Node`

const wrong: readonly (readonly [what: string, text: string, fault: string | RegExp])[] = [
  [
    'a syntax error',
    'export default {\n  é: 1, onRequest( {\n}',
    /^hello\.ts:3:2: Expected "\)"|^hello\.ts:3/,
  ],
  ['a module of Node', `import fs from 'node:fs'\n${plugin}\nfs`, `hello.ts:1:16: ${ofNode('node:fs')}`],
  ['one without its prefix', `import fs from 'fs'\n${plugin}\nfs`, `hello.ts:1:16: ${ofNode('fs')}`],
  ['require', `const fs = require('fs')\n${plugin}`, `hello.ts:1:20: ${ofNode('fs')}`],
  [
    'an address',
    `import 'https://example.com/x.js'\n${plugin}`,
    'hello.ts:1:8: "https://example.com/x.js" is an address: expected the name of a package or a relative path',
  ],
  ['a package that is not there', `import 'no-such-package'\n${plugin}`, /^hello\.ts:1:8: Could not resolve/],
  ['a file that is not there', `import './nowhere.ts'\n${plugin}`, /^hello\.ts:1:8: Could not resolve/],
  [
    'a file of another kind',
    `import './secret.txt'\n${plugin}`,
    /^hello\.ts:1:8: .*secret\.txt cannot be imported: only \.js, /,
  ],
  ['a style sheet', `import './style.css'\n${plugin}`, /^hello\.ts:1:8: .*style\.css cannot be imported/],
  [
    'no default export',
    'export const x = 1',
    'hello.ts:0:0: exports no plugin: expected `export default { onRequest(request, cx) { … } }`',
  ],
  ['a script of PipyJS', 'pipy().pipeline().chain()', /^hello\.ts:0:0: exports no plugin/],
  ['nothing at all', '', /^hello\.ts:0:0: exports no plugin/],
]

for (const [what, text, fault] of wrong) {
  test(`${what} is one fault with its place`, async (t) => {
    const folder = await folderOf(t, { 'secret.txt': 'x', 'style.css': 'a{}' })
    const faults = await faultsOf(text, { folder })
    t.equal(faults.length, 1, faults.join('\n'))
    t.match(faults[0], fault)
  })
}

test('every fault is told at once, also those of imported files', async (t) => {
  const folder = await folderOf(t, { 'a.ts': 'let x = ;\n', 'b.ts': "import 'net'\n" })
  const faults = await faultsOf(`import './a.ts'\nimport './b.ts'\nimport 'fs'\n${plugin}`, { folder })
  t.equal(faults.length, 3)
  t.ok(faults.some((line) => line.startsWith(`${join(folder, 'a.ts')}:1:9: `)))
  t.ok(faults.some((line) => line.startsWith(`${join(folder, 'b.ts')}:1:8: "net" is a module of Node`)))
})

test('without a folder nothing is imported, whatever lies about', async (t) => {
  const faults = await faultsOf(`import './package.json'\nimport 'yaml'\n${plugin}`)
  t.equal(faults.length, 2)
})

test('what is too large with its imports is refused', async (t) => {
  const folder = await folderOf(t, { 'data.json': JSON.stringify('x'.repeat(2_000)) })
  const text = "import data from './data.json'\nexport default { onRequest: () => data }"
  const [fault] = await faultsOf(text, { folder }, { maxLength: 1_000 })
  t.match(fault, /^hello\.ts:0:0: is too large with its imports: \d+ of at most 1000 characters$/)
})

test('a compiler that takes too long is stopped', async (t) => {
  const [fault] = await faultsOf(plugin, {}, { maxMs: 0 })
  t.equal(fault, 'hello.ts:0:0: took more than 0 ms to compile')
})

test('a config for TypeScript that lies in the folder changes nothing', async (t) => {
  const folder = await folderOf(t, {
    'tsconfig.json': '{"compilerOptions":{"target":"es5","paths":{"x":["./y.ts"]}}}',
  })
  const { source } = await good('export default { onRequest: (a?: string) => a?.length ?? 0 }', { folder })
  t.match(source, /a\?\.length \?\? 0/)
})

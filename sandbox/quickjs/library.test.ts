import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { createInstance } from './instance.ts'
import { build, exportNames, importNames, layout } from './library.ts'
import { engineCode } from './testing/code.ts'
import { Watch } from './watch.ts'

/** What the functions are called in the JavaScript that comes with the build; those that it does not name are left out. */
const functionNames: Partial<Record<keyof typeof exportNames, string>> = {
  malloc: 'malloc',
  free: 'free',
  newRuntime: 'QTS_NewRuntime',
  setMemoryLimit: 'QTS_RuntimeSetMemoryLimit',
  setMaxStackSize: 'QTS_RuntimeSetMaxStackSize',
  enableInterruptHandler: 'QTS_RuntimeEnableInterruptHandler',
  enableModuleLoader: 'QTS_RuntimeEnableModuleLoader',
  newContext: 'QTS_NewContext',
  getUndefined: 'QTS_GetUndefined',
  getNull: 'QTS_GetNull',
  newArrayBuffer: 'QTS_NewArrayBuffer',
  newObjectProto: 'QTS_NewObjectProto',
  newFunction: 'QTS_NewFunction',
  newError: 'QTS_NewError',
  throwValue: 'QTS_Throw',
  defineProperty: 'QTS_DefineProp',
  getPropertyByIndex: 'QTS_GetPropNumber',
  getString: 'QTS_GetString',
  freeString: 'QTS_FreeCString',
  decode: 'QTS_bjson_decode',
  call: 'QTS_Call',
  evaluate: 'QTS_Eval',
  isJobPending: 'QTS_IsJobPending',
  executePendingJobs: 'QTS_ExecutePendingJob',
  promiseState: 'QTS_PromiseState',
  promiseResult: 'QTS_PromiseResult',
  resolveException: 'QTS_ResolveException',
  freeValue: 'QTS_FreeValuePointer',
}

const callbackNames = {
  callFunction: 'callFunction',
  interrupt: 'shouldInterrupt',
  loadModule: 'loadModuleSource',
  normalizeModule: 'normalizeModule',
  freeReference: 'freeHostRef',
} as const

const readGlue = () =>
  readFile(fileURLToPath(import.meta.resolve(build.wasm.replace(/wasm$/, 'emscripten-module'))), 'utf8')

test('exports and imports have the names that the build says', async (t) => {
  const glue = await readGlue()
  const exported = new Map(
    [...glue.matchAll(/\._(\w+)=b\.([\w$]+)/g)].map(([, name, short]) => [name, short]),
  )
  for (const [name, known] of Object.entries(functionNames))
    t.equal(exportNames[name as keyof typeof exportNames], exported.get(known), name)
  t.match(glue, new RegExp(`Z\\.${exportNames.construct}\\(\\)`), 'construct')
  for (const [name, known] of Object.entries(callbackNames)) {
    const short = importNames[name as keyof typeof importNames]
    t.match(glue, new RegExp(`\\b${short}:function\\([^{]*\\{[^}]*callbacks\\.${known}\\(`), name)
  }
  t.match(glue, new RegExp(`\\b${importNames.memory}:t,`), 'memory')
  t.match(glue, new RegExp(`\\b${importNames.dateNow}:\\(\\)=>Date\\.now\\(\\)`), 'dateNow')
})

test('all that the module imports is given, and all that is used is exported', async (t) => {
  const imports = WebAssembly.Module.imports(engineCode.module).filter(({ module }) => module === 'a')
  t.same(imports.map(({ name }) => name).sort(), Object.values(importNames).sort())
  const exports = WebAssembly.Module.exports(engineCode.module).map(({ name }) => name)
  t.same(
    Object.values(exportNames).filter((name) => !exports.includes(name)),
    [],
  )
})

test('the counters of a runtime and a context are where they are looked for', async (t) => {
  const watch = new Watch()
  watch.start(1_000)
  const { library, memory, values, runtime, context } = createInstance(
    engineCode,
    { callMs: 50, loadMs: 500, heapBytes: 2 ** 24 },
    watch,
    { normalizeModule: () => 0, loadModule: () => 0, callFunction: () => 0 },
  )
  const run = (source: string) => {
    const [text, name] = [values.makeCString(source), values.makeCString('x.js')]
    library.freeValue(context, library.evaluate(context, text, source.length, name, 0, 0))
    library.free(text)
    library.free(name)
  }
  const word = (address: number) => memory.words[address >> 2] as number
  t.ok(values.allocate(8) >= layout.heapStart)
  run('var kept')
  const blocks = memory.blockCount
  run('kept = [{}, {}, {}]')
  t.ok(memory.blockCount >= blocks + 4)
  run('kept = null')
  t.equal(memory.blockCount, blocks)
  const steps = word(context + layout.contextSteps)
  run('for (let i = 0; i < 100; i++);')
  t.ok(steps - word(context + layout.contextSteps) > 100)
  run('for (let i = 0; i < 1000; i++) { const o = {}; o.o = o }')
  t.ok(memory.blockCount > blocks + 1_000, 'cycles wait to be collected')
  memory.grow(memory.bytes.length + 1)
  t.equal(word(runtime + layout.runtimeCollectAbove), 0)
  run('({})')
  t.ok(memory.blockCount < blocks + 100, 'and are, with the next object')
})

import { Worker } from 'node:worker_threads'
import { test } from 'tap'
import { EngineError, type EngineOptions } from './contract.ts'
import { createEngine } from './engine.ts'
import { engineCode } from './testing/code.ts'
import { testOptions } from './testing/guests.ts'

const boot = (modules: Record<string, string>, entry = 'boot.js'): EngineOptions => ({
  ...testOptions(),
  guest: { modules, entry },
})

test('modules of a guest import each other, by name and by relative path', async (t) => {
  const modules = {
    'guest/boot.js': 'import { b } from "./lib/b.js"; export const boot = () => ({ get: () => b })',
    'guest/lib/b.js': 'import { c } from "../c.js"; import { d } from "plain"; export const b = "b" + c + d',
    'guest/c.js': 'export const c = await Promise.resolve("ç")',
    plain: 'export const d = "\\0😀"',
  }
  using engine = createEngine(engineCode, boot(modules, 'guest/boot.js'))
  t.equal(engine.call(engine.entry('get'), []), 'bç\0😀')
})

test('a guest that does not start says why', async (t) => {
  const faults: Record<string, readonly [Record<string, string>, RegExp, string]> = {
    'no entry': [{}, /there is no module "boot.js" to import; it has none/, 'crash'],
    'no boot': [{ 'boot.js': 'export const start = 1' }, /TypeError: /, 'exception'],
    'boot throws': [
      { 'boot.js': 'export const boot = () => { throw new Error("no") }' },
      /Error: no/,
      'exception',
    ],
    'not a function': [
      { 'boot.js': 'export const boot = () => ({ a: 1 })' },
      /boot returned a, which/,
      'exception',
    ],
    'bad syntax': [{ 'boot.js': 'export const boot = (' }, /SyntaxError/, 'exception'],
    'unknown import': [{ 'boot.js': 'import "x.js"' }, /there is no module "x.js" to import/, 'exception'],
    'endless loop': [{ 'boot.js': 'for (;;);' }, /ran for more than 500 ms/, 'timeout'],
    'too much': [{ 'boot.js': 'const a = []; for (;;) a.push(new ArrayBuffer(1e6))' }, /memory/, 'memory'],
  }
  for (const [name, [modules, message, kind]] of Object.entries(faults)) {
    try {
      createEngine(engineCode, boot(modules))
      t.fail(name)
    } catch (error) {
      t.ok(error instanceof EngineError, name)
      t.match(error, { message, kind, isFatal: true }, name)
    }
  }
})

test('after boot nothing can be imported, not even what was', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const run = engine.entry('run')
  for (const name of [
    'boot.js',
    './boot.js',
    'library.js',
    'fs',
    'node:fs',
    '',
    '\\u0001boot.js',
    'loader.js',
  ]) {
    const source = `import("${name}").then(() => { found = "imported" }, (e) => { found = e.message }); var found`
    engine.evaluate(source, 'loader.js', null)
    t.match(engine.call(run, ['found']), /^there is no module ".*" to import$/, `import("${name}")`)
    const module = `import "${name}"; export default 1`
    t.throws(
      () => engine.evaluateModule(module, 'm.js', engine.entry('keep')),
      /to import/,
      `import "${name}"`,
    )
  }
})

test('a script reaches nothing of the host but what boot handed on', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const run = (source: string) => engine.call(engine.entry('run'), [source])
  const names = [
    'process',
    'require',
    'module',
    'host',
    'boot',
    'fetch',
    'setTimeout',
    'console',
    'print',
    'std',
    'os',
  ]
  for (const name of [...names, 'WebAssembly', 'Deno', 'globalThis.global', 'Atomics'])
    t.equal(run(`typeof ${name}`), 'undefined', name)
  t.equal(run('add.constructor === Function && Object.getPrototypeOf(add) === Function.prototype'), true)
  t.equal(run('add.constructor("return typeof process")()'), 'undefined')
  t.equal(run('(function () { return this === globalThis }).call(undefined)'), true)
  t.equal(run('Reflect.ownKeys(add).join()'), 'length,name')
  t.equal(run('try { new add() } catch (e) { e.name }'), 'TypeError')
  t.match(run('try { refuse() } catch (e) { e.stack }'), /boot.js/)
  t.notMatch(run('try { refuse() } catch (e) { e.stack }'), /node|\.ts|pillion/)
})

test('built-ins that a script replaced or froze do not matter to the engine', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  engine.evaluate(
    `const patches = []
    for (const o of [Object, Reflect, Function, Array, String, Promise, Error, Symbol])
      for (const target of [o.prototype ?? {}, o])
        for (const key of Reflect.ownKeys(target)) patches.push({ target, key })
    const { defineProperty } = Object
    for (let i = 0; i < patches.length; i++)
      try { patches[i].target[patches[i].key] = () => { throw "patched" } } catch {}
    for (let i = 0, keys = ["message", "name", "value", "get", "then", "stack", "0"]; i < keys.length; i++)
      defineProperty(Object.prototype, keys[i], { __proto__: null, get() { throw "getter" }, set() { throw "setter" } })`,
    'patches.js',
    null,
  )
  t.equal(engine.call(engine.entry('twice'), ['é\0']), 'é\0é\0')
  t.equal(engine.callNumbers(engine.entry('sum'), 1, 2, 3), 6)
  t.throws(() => engine.evaluate('null.x', 'x.js', null), { message: /TypeError: cannot read property/ })
  t.throws(() => engine.evaluate('refuse()', 'x.js', null), { message: 'refused' })
})

test('the code can be posted to a worker, which makes instances of its own', async (t) => {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.engine).then(async ({ createEngine }) => {
      const { testOptions } = await import(workerData.guests)
      const engine = createEngine(workerData.code, testOptions())
      parentPort.postMessage(engine.call(engine.entry('twice'), ['ab']))
    })`
  const urls = { engine: './engine.ts', guests: './testing/guests.ts' }
  const resolved = Object.fromEntries(
    Object.entries(urls).map(([name, url]) => [name, import.meta.resolve(url)]),
  )
  const worker = new Worker(source, { eval: true, workerData: { code: engineCode, ...resolved } })
  t.equal(
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)),
    'abab',
  )
  await worker.terminate()
})

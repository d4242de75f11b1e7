import { type Test, test } from 'tap'
import { EngineError, type ScriptEngine } from './contract.ts'
import { createEngine } from './engine.ts'
import { engineCode } from './testing/code.ts'
import { testOptions } from './testing/guests.ts'

function failure(call: () => unknown): EngineError {
  try {
    call()
  } catch (error) {
    if (error instanceof EngineError) return error
    throw error
  }
  throw new Error('it did not fail')
}

const run = (engine: ScriptEngine, source: string) =>
  failure(() => engine.call(engine.entry('run'), [source]))

function isWell(t: Test, engine: ScriptEngine): void {
  t.notOk(engine.isDead)
  t.equal(engine.call(engine.entry('twice'), ['ab']), 'abab')
}

test('an exception says what was thrown and where, by file, line and column', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const source = [
    'var inner = () => {',
    '  throw new TypeError("no")',
    '}',
    'function outer() { inner() }',
    'outer()',
  ]
  const error = failure(() => engine.evaluate(source.join('\n'), 'plugins/a b (1).js', null))
  t.match(error, { kind: 'exception', message: 'TypeError: no', isFatal: false })
  t.same(error.frames, [
    { name: 'inner', file: 'plugins/a b (1).js', line: 2, column: 22 },
    { name: 'outer', file: 'plugins/a b (1).js', line: 4, column: 25 },
    { name: '<eval>', file: 'plugins/a b (1).js', line: 5, column: 6 },
  ])
  isWell(t, engine)
})

test('a source that cannot be parsed names the place, in characters and not in units', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  for (const isCheckOnly of [true, false]) {
    const error = failure(() =>
      engine.evaluate('let a = 1\n/* é😀 */ let b = 2 +* 3', 'b.js', null, isCheckOnly),
    )
    t.match(error, { kind: 'exception', message: /^SyntaxError: / })
    t.same(error.frames, [{ name: '', file: 'b.js', line: 2, column: 21 }])
  }
  const inModule = failure(() => engine.evaluateModule('export {', 'c.js', engine.entry('keep')))
  t.match(inModule.frames[0], { file: 'c.js', line: 1 })
  isWell(t, engine)
})

test('anything may be thrown', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const thrown = {
    '"text"': 'text',
    '""': '',
    '7': '7',
    null: 'null',
    'Symbol("s")': 'Symbol(s)',
    '12n': '12',
    '({})': 'something that is no error',
    '{ message: "m" }': 'm',
    '({ name: 1, message: "m", stack: "  at x" })': 'm',
    '() => {}': 'something that is no error',
    'Object.create(null)': 'something that is no error',
    'new Error("a\\0\\ud800\\n b")': 'Error: a\0\ud800\n b',
    'new Error("x".repeat(5000))': `Error: ${'x'.repeat(993)}`,
    'new Proxy({}, { getOwnPropertyDescriptor() { throw 1 } })': 'something that cannot be read',
  }
  for (const [source, message] of Object.entries(thrown)) {
    const error = run(engine, `throw ${source.startsWith('{') ? `(${source})` : source}`)
    t.match(error, { kind: 'exception', isFatal: false }, source)
    t.equal(error.message, message, source)
  }
  isWell(t, engine)
})

test('a refusal of the host is an error in the guest, which it can catch', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const caught = 'try { refuse() } catch (e) { [e instanceof Error, e.message, e.stack.length > 0].join() }'
  t.equal(engine.call(engine.entry('run'), [caught]), 'true,refused,true')
  t.match(run(engine, 'refuse()'), { kind: 'exception', message: 'Error: refused' })
  t.match(run(engine, 'length({ toString() { return "x" } })'), {
    message: 'Error: argument 1 must be a string',
  })
  isWell(t, engine)
})

test('a host function that fails ends the instance, and says why', async (t) => {
  const cause = new TypeError('a mistake of ours')
  const ask = () => {
    throw cause
  }
  using engine = createEngine(engineCode, testOptions({}, { ask }))
  const error = failure(() => engine.call(engine.entry('ask'), []))
  t.match(error, { kind: 'crash', message: 'a mistake of ours', isFatal: true, cause })
  t.ok(engine.isDead)
  const later = failure(() => engine.callNumbers(engine.entry('sum'), 1, 2, 3))
  t.match(later, { kind: 'crash', message: 'the instance is dead: a mistake of ours', isFatal: true })
})

test('a host function cannot enter the guest again', async (t) => {
  const ask = () => engine.callNumbers(engine.entry('sum'), 1, 2, 3)
  using engine = createEngine(engineCode, testOptions({}, { ask }))
  t.match(
    failure(() => engine.call(engine.entry('ask'), [])),
    { kind: 'crash', message: /cannot be entered while it runs/ },
  )
})

test('a script that runs for too long is stopped and named, and the instance goes on', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  engine.evaluate('function spin() {\n  for (;;) Math.abs(1)\n}', 'spin.js', null)
  const error = run(engine, 'spin()')
  t.match(error, { kind: 'timeout', message: 'ran for more than 50 ms', isFatal: false })
  t.match(error.frames[0], { name: 'spin', file: 'spin.js' })
  t.match(run(engine, '(async () => { for (;;) await 0 })()'), { kind: 'timeout' })
  t.equal(
    run(createEngine(engineCode, testOptions({ callMs: 5 })), 'for (;;);').message,
    'ran for more than 5 ms',
  )
})

test('an async function that is stopped is a call that was, though its promise took the exception', async (t) => {
  using engine = createEngine(engineCode, testOptions({ loadMs: 50 }))
  const spin = engine.entry('spinLater')
  const calls = {
    'by numbers': () => engine.callNumbers(spin, 1, 2, 3),
    'by values': () => engine.call(spin, []),
    'in a script': () => engine.evaluate('(async () => { for (;;); })()', 'a.js', null),
    'in a module': () => engine.evaluateModule('await 0; for (;;);', 'm.js', engine.entry('keep')),
  }
  for (const [name, call] of Object.entries(calls))
    t.match(failure(call), { kind: 'timeout', message: 'ran for more than 50 ms', isFatal: false }, name)
  isWell(t, engine)
})

test('what is left to do when the time is over ends the instance', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const error = run(engine, 'const f = () => { Promise.resolve().then(f); Promise.resolve().then(f) }; f()')
  t.match(error, { kind: 'timeout', isFatal: true })
  t.ok(engine.isDead)
})

test('a guest without memory is dead, caught or not', async (t) => {
  for (const source of [
    'const a = []; for (;;) a.push(new ArrayBuffer(1e6))',
    'const a = []; try { for (;;) a.push(new ArrayBuffer(1e6)) } catch {} 1',
  ]) {
    using engine = createEngine(engineCode, testOptions({ callMs: 1_000 }))
    t.match(run(engine, source), { kind: 'memory', isFatal: true })
    t.ok(engine.isDead)
    t.ok(engine.memoryBytes > 30e6 && engine.memoryBytes < 39e6, `${engine.memoryBytes}`)
  }
})

test('recursion ends with an exception that can be caught', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  t.match(run(engine, 'function f() { f() } f()'), {
    kind: 'exception',
    message: 'InternalError: stack overflow',
    frames: { length: 20 },
  })
  const depth = engine.call(engine.entry('run'), [
    'let n = 0; function g() { n++; g() } try { g() } catch {} n',
  ])
  t.ok(Number(depth) > 100, `${depth} levels`)
  isWell(t, engine)
})

test('what cannot leave a guest does not', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  for (const source of [
    '({})',
    '[]',
    '() => {}',
    'Symbol()',
    '1n',
    '2n ** 99n',
    'new Uint8Array(4)',
    'new Date(0)',
    'new SharedArrayBuffer(4)',
  ])
    t.match(
      run(engine, source),
      { kind: 'exception', message: 'run returned what cannot leave a guest' },
      source,
    )
  t.match(run(engine, 'Promise.resolve(1)'), { kind: 'exception' })
  isWell(t, engine)
})

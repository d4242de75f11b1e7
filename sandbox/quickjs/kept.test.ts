import { test } from 'tap'
import { EngineError, type GuestEntry, type ScriptEngine } from './contract.ts'
import { createEngine } from './engine.ts'
import { engineCode } from './testing/code.ts'
import { testOptions } from './testing/guests.ts'

function kept(engine: ScriptEngine, number: number): GuestEntry {
  return engine.keep(engine.entry('made'), number)
}

function failure(call: () => unknown): EngineError {
  try {
    call()
  } catch (error) {
    if (error instanceof EngineError) return error
  }
  throw new Error('the call did not fail')
}

test('a kept function is called with a kept object or nothing, and words are shared without a call', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const [test0, object, otherwise] = [kept(engine, 0), kept(engine, 6), engine.entry('otherwise')]
  t.equal(engine.word(0), 0)
  engine.setWord(0, -40)
  t.equal(engine.callKept(test0, object, otherwise, 0), true)
  t.equal(engine.word(1), -39)
  t.equal(engine.callKept(test0, null, otherwise, 0), false)
  t.equal(engine.word(1), -40)
  engine.call(engine.entry('run'), ['globalThis.many = new Uint8Array(12e6); 0'])
  engine.setWord(0, 2 ** 31 - 2)
  engine.callKept(test0, object, otherwise, 0)
  t.equal(engine.word(1), 2 ** 31 - 1, 'also when the memory has grown')
  t.equal(engine.callKept(kept(engine, 7), null, otherwise, 0), true, 'there is no this')
})

test('what is neither undefined nor a boolean is handed on, and jobs are done', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const otherwise = engine.entry('otherwise')
  t.equal(engine.callKept(kept(engine, 1), null, otherwise, 5), undefined)
  t.equal(engine.callKept(kept(engine, 2), null, otherwise, 5), 25)
  t.ok(Number.isNaN(engine.callKept(kept(engine, 3), null, otherwise, 5)))
  t.equal(engine.word(2), 7)
})

test('calls of kept functions fail like others', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const [otherwise, refusing] = [engine.entry('otherwise'), engine.entry('refusing')]
  t.match(
    failure(() => engine.callKept(kept(engine, 4), null, otherwise, 0)),
    { kind: 'exception', message: 'Error: thrown' },
  )
  t.match(
    failure(() => engine.callKept(kept(engine, 2), null, refusing, 0)),
    { message: 'Error: refused', isFatal: false },
  )
  t.match(
    failure(() => engine.callKept(kept(engine, 5), null, otherwise, 0)),
    { kind: 'timeout', isFatal: false },
  )
  t.match(
    failure(() => kept(engine, 99)),
    { kind: 'exception', message: 'made returned what is no object' },
  )
  t.match(
    failure(() => engine.keep(refusing, 0)),
    { message: 'Error: refused' },
  )
  const own = kept(engine, 1)
  using other = createEngine(engineCode, testOptions())
  t.throws(() => other.callKept(own, null, other.entry('otherwise'), 0), /is no entry of this guest/)
  t.equal(engine.callKept(own, null, otherwise, 0), undefined)
  engine[Symbol.dispose]()
  t.match(
    failure(() => engine.callKept(own, null, otherwise, 0)),
    { kind: 'crash', isFatal: true },
  )
  engine.setWord(0, 1)
  t.equal(engine.word(0), 0)
})

test('many calls of kept functions leave nothing behind', async (t) => {
  using engine = createEngine(engineCode, testOptions())
  const functions = [0, 1, 2, 3, 4].map((number) => kept(engine, number))
  const [otherwise, refusing] = [engine.entry('otherwise'), engine.entry('refusing')]
  const work = (times: number): void => {
    for (let index = 0; index < times; index += 1) {
      for (const one of functions.slice(0, 4)) engine.callKept(one, functions[0] as GuestEntry, otherwise, 1)
      failure(() => engine.callKept(functions[4] as GuestEntry, null, otherwise, 1))
      failure(() => engine.callKept(functions[2] as GuestEntry, null, refusing, 1))
    }
  }
  work(200)
  const before = engine.blockCount
  work(2_000)
  t.equal(engine.blockCount, before)
})

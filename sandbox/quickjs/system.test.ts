import { runInThisContext } from 'node:vm'
import { test } from 'tap'
import { createEngine } from './engine.ts'
import { engineCode } from './testing/code.ts'
import { testOptions } from './testing/guests.ts'

const ofDates = `(() => {
  const dates = [[1999, 11, 31, 23, 59], [2024, 0, 15, 12, 0], [2024, 2, 31, 3, 30], [2024, 6, 15, 12, 0], [2024, 9, 27, 2, 30]]
  return dates.map((date) => {
    const at = new Date(...date)
    return [at.getTime(), at.getTimezoneOffset(), at.getDay(), at.getHours(), at.toISOString()].join()
  }).join(' ')
})()`

test('a guest has the time of day and the time zone of its host', async (t) => {
  const before = process.env.TZ
  t.teardown(() => {
    if (before === undefined) delete process.env.TZ
    else process.env.TZ = before
  })
  for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe']) {
    process.env.TZ = zone
    using engine = createEngine(engineCode, testOptions())
    t.equal(engine.call(engine.entry('run'), [ofDates]), runInThisContext(ofDates), zone)
  }
  using engine = createEngine(engineCode, testOptions())
  const now = Number(engine.call(engine.entry('run'), ['Date.now()']))
  t.ok(Math.abs(now - Date.now()) < 1_000)
  t.equal(engine.call(engine.entry('run'), ['String(new Date(NaN))']), 'Invalid Date')
})

test('instances that are made at the same moment draw different random numbers', async (t) => {
  const drawn = Array.from({ length: 20 }, () => {
    using engine = createEngine(engineCode, testOptions())
    return engine.call(engine.entry('run'), ['Math.random()'])
  })
  t.equal(new Set(drawn).size, 20)
  t.ok(drawn.every((number) => Number(number) >= 0 && Number(number) < 1))
})

test('a guest has the heap that it was given, and not more', async (t) => {
  for (const mebibytes of [1, 4, 64]) {
    using engine = createEngine(engineCode, testOptions({ callMs: 1_000, heapBytes: mebibytes * 2 ** 20 }))
    const half = new Uint8Array(mebibytes * 2 ** 19)
    t.equal(engine.call(engine.entry('twice'), ['ab']), 'abab')
    engine.call(engine.entry('keep'), [half])
    t.throws(
      () => engine.call(engine.entry('echo'), [half]),
      /used more memory than it may have/,
      `${mebibytes} MiB`,
    )
  }
})

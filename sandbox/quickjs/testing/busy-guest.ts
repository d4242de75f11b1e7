/** A process whose guest works for some 5 ms of 100 in each call, for three seconds; prints how many calls there were, and how many failed. */
import { createEngine } from '../engine.ts'
import { engineCode } from './code.ts'
import { testOptions } from './guests.ts'

using engine = createEngine(engineCode, testOptions({ callMs: 100 }))
const until = performance.now() + 3_000
const count = { calls: 0, failed: 0 }
console.log('ready')
while (performance.now() < until && !engine.isDead) {
  count.calls += 1
  try {
    engine.call(engine.entry('run'), ['let n = 0; for (let i = 0; i < 7e4; i++) n += i; n'])
  } catch {
    count.failed += 1
  }
}
console.log(JSON.stringify(count))

import { test } from 'tap'
import { recordingTools, testModel } from '../../../chains/policy/testing.ts'
import { engineCode } from '../../quickjs/testing/code.ts'
import { loaded, loadMsOf } from './load-times.ts'
import { createGuestSession } from './session.ts'
import { testSpec } from './testing/guest.ts'

test('a script that has loaded before is given twice that time, and the time of a call at least', async (t) => {
  const spec = testSpec('pipy()', { limits: { callMs: 50 } })
  t.equal(loadMsOf(spec), 1_000)
  loaded(spec, 100)
  loaded(spec, 400)
  t.equal(loadMsOf(spec), 200)
  const quick = testSpec('pipy()', { limits: { callMs: 50 } })
  loaded(quick, 3)
  t.equal(loadMsOf(quick), 50)
  const slow = testSpec('pipy()')
  loaded(slow, 900)
  t.equal(loadMsOf(slow), 1_000)
})

test('a script that takes longer to load than it did is stopped', async (t) => {
  const source = `for (const until = Date.now() + 300; Date.now() < until; );
    pipy().pipeline().replaceMessage(() => 1)`
  const spec = testSpec(source, { limits: { callMs: 50 } })
  const host = {
    tools: recordingTools(),
    model: testModel(),
    meter: { called: () => {}, failed: () => {}, restarted: () => {} },
  }
  const start = () => createGuestSession(spec, engineCode, host)[Symbol.dispose]()
  t.doesNotThrow(start)
  t.doesNotThrow(start)
  const slower = { ...spec }
  loaded(slower, 20)
  t.throws(() => createGuestSession(slower, engineCode, host), /ran for more than 50 ms/)
})

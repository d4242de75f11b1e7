import { test } from 'tap'
import type { ScriptEngine } from './contract.ts'
import { createEngine } from './engine.ts'
import { layout } from './library.ts'
import { engineCode } from './testing/code.ts'
import { testOptions } from './testing/guests.ts'
import { type Attempt, attempt, redTeamLimits } from './testing/red-team.ts'
import { hostileScripts } from './testing/red-team-scripts.ts'

const { callMs, heapBytes } = redTeamLimits
const mostMs = callMs * 1.2
const mostBytes = layout.heapStart + heapBytes + 65_536

/** Times of the thread are counted in steps of some milliseconds, and so is luck: the better of two attempts. */
function bestAttempt(name: string, source: string): Attempt {
  const first = attempt(engineCode, { name, source })
  if (first.cpuMs < mostMs) return first
  const second = attempt(engineCode, { name, source })
  return first.cpuMs < second.cpuMs ? first : second
}

/** Two guests with something of their own, which must not notice anything. */
function neighbours(): { readonly engines: ScriptEngine[]; areWell(round: number): boolean } {
  const engines = [createEngine(engineCode, testOptions()), createEngine(engineCode, testOptions())]
  for (const [index, engine] of engines.entries())
    engine.evaluate(`var mine = ${index}, rounds = 0`, 'mine.js', null)
  const isWell = (engine: ScriptEngine, index: number, round: number) =>
    engine.call(engine.entry('run'), ['[mine, ++rounds].join()']) === `${index},${round}` &&
    engine.call(engine.entry('twice'), ['é\0']) === 'é\0é\0' &&
    engine.callNumbers(engine.entry('sum'), index, round, 0.5) === index + round + 0.5
  return { engines, areWell: (round) => engines.every((engine, index) => isWell(engine, index, round)) }
}

test('no script holds the thread, takes more memory than it may, or bothers its neighbours', async (t) => {
  const { engines, areWell } = neighbours()
  const blocks = engines.map(({ blockCount }) => blockCount)
  let round = 0
  t.ok(hostileScripts.length > 100)
  for (const { name, source } of hostileScripts) {
    const { outcome, cpuMs, wallMs, memoryBytes, isFatal } = bestAttempt(name, source)
    round += 1
    const figures = `${outcome}${isFatal ? ', dead' : ''}, ${wallMs.toFixed(1)} ms (${cpuMs.toFixed(1)} of its own), ${memoryBytes} bytes`
    t.ok(cpuMs < mostMs && memoryBytes <= mostBytes && areWell(round), `${name}: ${figures}`)
  }
  t.ok(engines.every(({ blockCount }, index) => blockCount - (blocks[index] ?? 0) < 50))
})

test('scripts that work hard within their time are left alone', async (t) => {
  using engine = createEngine(engineCode, testOptions(redTeamLimits))
  const source = 'let n = 0; while (n < 1e5) n++; n'
  for (let index = 0; index < 5; index += 1) t.equal(engine.call(engine.entry('run'), [source]), 1e5)
})

test('a script is stopped at load too, and so is one that is only looked at', async (t) => {
  const loading: Record<string, (engine: ScriptEngine) => void> = {
    'a script': (engine) => engine.evaluate('for (;;);', 'a.js', null),
    'a module': (engine) => engine.evaluateModule('for (;;);', 'm.js', engine.entry('keep')),
    'a module that waits': (engine) =>
      engine.evaluateModule('for (;;) await 0', 'm.js', engine.entry('keep')),
    '20 MiB of source': (engine) => engine.evaluate('x = 1;'.repeat(3e6), 'a.js', null, true),
    'a huge number': (engine) => engine.evaluate(`${'9'.repeat(4e6)}n`, 'a.js', null, true),
  }
  for (const [name, load] of Object.entries(loading)) {
    using engine = createEngine(engineCode, testOptions(redTeamLimits))
    const [cpu, startedAt] = [process.threadCpuUsage(), performance.now()]
    t.throws(() => load(engine), { name: 'EngineError' }, name)
    const { user, system } = process.threadCpuUsage(cpu)
    t.ok(
      (user + system) / 1_000 < redTeamLimits.loadMs * 1.2,
      `${name}: ${(performance.now() - startedAt).toFixed(1)} ms`,
    )
  }
})

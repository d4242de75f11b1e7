import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { createLog, isLogLevel } from './log.ts'
import { maxLineBytes } from './log-line.ts'

interface Line {
  readonly time: string
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

function recording(level: 'debug' | 'info' | 'warn' | 'error' = 'info') {
  const lines: string[] = []
  const log = createLog({ level, worker: 3, write: (line) => lines.push(line) })
  return { log, lines, parsed: (): Line[] => lines.map((line) => JSON.parse(line)) }
}

test('a line is JSON with time, level, message, worker and the fields', async (t) => {
  const { log, parsed } = recording()
  log.info('listening', { port: 15001, host: '::1', skipped: undefined, no: null })
  const [line] = parsed()
  t.match(line?.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  t.same(
    { ...line, time: '' },
    { time: '', level: 'info', message: 'listening', worker: 3, port: 15001, host: '::1', no: null },
  )
})

test('levels below the one that is set are not written, and it can be changed', async (t) => {
  const { log, lines } = recording('warn')
  log.info('no')
  log.warn('yes')
  log.setLevel('debug')
  t.equal(log.level, 'debug')
  log.debug('now')
  t.equal(lines.length, 2)
  t.ok(isLogLevel('error'))
  t.notOk(isLogLevel('loud'))
})

test('fields that cannot be serialised become strings, and nothing throws', async (t) => {
  const { log, parsed } = recording()
  const circle: Record<string, unknown> = {}
  circle.self = circle
  const hostile = {
    get trap(): string {
      throw new Error('no')
    },
  }
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  log.info('odd', {
    circle,
    hostile,
    big: 12n,
    symbol: Symbol('s'),
    call: () => 1,
    nan: Number.NaN,
    map: new Map(),
    when: new Date(0),
    bytes: Buffer.alloc(9),
    revoked: proxy,
  })
  log.info('revoked', proxy)
  const [line, last] = parsed()
  t.match(JSON.stringify(line?.circle), '[…]')
  t.equal(line?.hostile, '[unprintable]')
  t.equal(line?.big, '12')
  t.equal(line?.symbol, 'Symbol(s)')
  t.equal(line?.call, '[function]')
  t.equal(line?.nan, 'NaN')
  t.equal(line?.map, '[object Map]')
  t.equal(line?.when, '1970-01-01T00:00:00.000Z')
  t.equal(line?.bytes, '[9 bytes]')
  t.equal(line?.revoked, '[unprintable]')
  t.equal(last?.fields, '[unprintable]')
})

test('errors are written as messages with their causes, and with stacks only at debug level', async (t) => {
  const { log, parsed } = recording()
  const error = new Error('outer', { cause: new Error('inner') })
  log.error('failed', { error })
  log.error('many', { error: new AggregateError([error]) })
  log.error('repeats', { error: new Error('a plugin: it ran on', { cause: new Error('it ran on') }) })
  log.setLevel('debug')
  log.error('again', { error })
  const [first, second, repeats, third] = parsed()
  t.equal(repeats?.error, 'a plugin: it ran on')
  t.equal(first?.error, 'outer; caused by: inner')
  t.equal(second?.error, 'AggregateError')
  t.match(third?.error, /outer\n +at .*log\.test\.ts/)
})

test('control characters and marks that fool a terminal are escaped', async (t) => {
  const { log, lines, parsed } = recording()
  const nasty = 'a\n{"level":"error"}\u001b[2J\u009b\u2028\u202e\ud800'
  log.warn(nasty, { [nasty]: nasty })
  t.match(lines[0], /^[\x20-\x7e]*$/)
  t.equal(parsed()[0]?.message, nasty)
})

test('a field cannot pretend to be the level or the time', async (t) => {
  const { log, parsed } = recording()
  log.info('true', { level: 'error', message: 'false', worker: 9 })
  const [line] = parsed()
  t.match(line, {
    level: 'info',
    message: 'true',
    worker: 3,
    field_level: 'error',
    field_message: 'false',
    field_worker: 9,
  })
})

test('no line is longer than the bound, whatever it is given', async (t) => {
  const { log, lines, parsed } = recording()
  const long = '\u0001'.repeat(100_000)
  const wide = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, index) => [`key${index}`, 'x'.repeat(50)]),
  )
  log.info(long, { long, [long]: long, other: '€'.repeat(50_000) })
  log.info('wide', wide)
  log.info('nested', { wide, list: Array.from({ length: 100_000 }, () => 'y'), after: 1 })
  for (const line of lines) t.ok(Buffer.byteLength(line) < maxLineBytes, `${Buffer.byteLength(line)}`)
  t.equal(parsed()[1]?.truncated, true)
  t.equal(parsed().length, 3)
})

test('of one message ten a second are written, and then one line with the count of the others', async (t) => {
  const { log, parsed } = recording()
  for (let index = 0; index < 250; index += 1) log.warn('again and again', { index })
  log.warn('another')
  t.equal(parsed().length, 11)
  for (let waitedMs = 0; parsed().length < 12 && waitedMs < 5_000; waitedMs += 50) await sleep(50)
  const last = parsed().at(-1)
  t.match(last, { level: 'warn', message: 'again and again', suppressed: 240 })
  t.equal(parsed().length, 12)
  log.warn('again and again')
  t.equal(parsed().length, 13)
})

test('messages that are all different do not make the memory of them grow without bound', async (t) => {
  const { log, lines } = recording()
  for (let index = 0; index < 5; index += 1) {
    for (let text = 0; text < 3; text += 1) log.info('same')
  }
  for (let index = 0; index < 1_500; index += 1) log.info(`different ${index}`)
  t.equal(
    lines.filter((line) => line.includes('"suppressed":5')).length,
    1,
    'what is forgotten is counted first',
  )
})

test('a writer that throws does not reach the one who logs', async (t) => {
  const log = createLog({
    level: 'info',
    write: () => {
      throw new Error('no')
    },
  })
  t.doesNotThrow(() => log.error('lost'))
})

const program = (body: string): string[] => ['--input-type=module', '-e', body]
const logUrl = new URL('log.ts', import.meta.url).href

test('lines go to standard error at once, from worker threads too', async (t) => {
  const child = spawn(
    process.execPath,
    program(`
      import { Worker } from 'node:worker_threads'
      const code = \`import(${JSON.stringify(logUrl)}).then(({ createLog }) => {
        createLog({ level: 'info', worker: 1 }).info('from a thread')
        process.exit(0)
      })\`
      new Worker(code, { eval: true })
      const { createLog } = await import(${JSON.stringify(logUrl)})
      createLog({ level: 'info' }).info('from the main thread')
    `),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let text = ''
  child.stderr.on('data', (chunk) => {
    text += chunk
  })
  await once(child, 'close')
  t.match(text, /from a thread/)
  t.match(text, /from the main thread/)
})

test('a reader of standard error that is gone neither crashes nor hangs the program', async (t) => {
  const child = spawn(
    process.execPath,
    program(`
      import { createLog } from ${JSON.stringify(logUrl)}
      await new Promise((resolve) => process.stdin.once('data', resolve))
      const log = createLog({ level: 'info' })
      for (let i = 0; i < 2000; i += 1) log.info('line ' + i)
      process.stdout.write('alive')
      process.exit(7)
    `),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  child.stderr.destroy()
  await sleep(50)
  child.stdin.write('go\n')
  const [code] = await once(child, 'exit')
  t.equal(code, 7)
})

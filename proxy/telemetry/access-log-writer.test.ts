import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { AccessLogWriter } from './access-log-writer.ts'
import { createLog } from './log.ts'

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'pillion-access-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

function counting() {
  const lines: string[] = []
  const state = { dropped: 0, lines }
  const options = {
    onDrop: (count: number) => {
      state.dropped += count
    },
    log: createLog({ level: 'info', write: (line) => lines.push(line) }),
  }
  return { state, options }
}

test('lines are appended to a file in order and whole, and close writes what waits', async (t) => {
  const path = join(folderOf(t), 'access.log')
  const { state, options } = counting()
  const writer = new AccessLogWriter({ path, ...options })
  const expected: string[] = []
  for (let index = 0; index < 5_000; index += 1) {
    const line = `{"n":${index},"text":"${'é'.repeat(index % 50)}"}`
    expected.push(line)
    writer.write(line)
    if (index % 1_000 === 0) await sleep(1)
  }
  await Promise.all([writer.close(), writer.close()])
  t.equal(readFileSync(path, 'utf8'), `${expected.join('\n')}\n`)
  writer.write('late')
  t.equal(state.dropped, 1)
  writer.reopen()
  t.equal(readFileSync(path, 'utf8').includes('late'), false)
})

test('a single line is written soon without anything else happening', async (t) => {
  const path = join(folderOf(t), 'access.log')
  const writer = new AccessLogWriter({ path, ...counting().options })
  writer.write('one')
  for (let tries = 0; tries < 100 && readFileSync(path, 'utf8') === ''; tries += 1) await sleep(20)
  t.equal(readFileSync(path, 'utf8'), 'one\n')
  await writer.close()
})

test('close is done as soon as nothing waits', async (t) => {
  const writer = new AccessLogWriter({ path: join(folderOf(t), 'access.log'), ...counting().options })
  t.equal(await Promise.race([writer.close(), sleep(1_500, 'late')]), undefined)
})

test('what stood in the file before stays', async (t) => {
  const path = join(folderOf(t), 'access.log')
  for (const line of ['first', 'second']) {
    const writer = new AccessLogWriter({ path, ...counting().options })
    writer.write(line)
    await writer.close()
  }
  t.equal(readFileSync(path, 'utf8'), 'first\nsecond\n')
})

test('after a rotation lines go to a new file, and none is lost or written twice', async (t) => {
  const path = join(folderOf(t), 'access.log')
  const writer = new AccessLogWriter({ path, ...counting().options })
  for (let index = 0; index < 6_000; index += 1) {
    writer.write(`${index} ${'x'.repeat(40)}`)
    if (index % 2_000 === 1_000) {
      renameSync(path, `${path}.${index}`)
      writer.reopen()
    }
    if (index % 500 === 0) await sleep(1)
  }
  await writer.close()
  const names = [`${path}.1000`, `${path}.3000`, `${path}.5000`, path]
  const lines = names.flatMap((name) =>
    readFileSync(name, 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  )
  t.same(
    lines.map((line) => Number(line.split(' ')[0])),
    Array.from({ length: 6_000 }, (_, index) => index),
  )
})

test('a rotation that fails leaves the old file in use and says so', async (t) => {
  const folder = folderOf(t)
  const path = join(folder, 'access.log')
  const { state, options } = counting()
  const writer = new AccessLogWriter({ path, ...options })
  renameSync(path, `${path}.old`)
  execFileSync('mkdir', [path])
  writer.reopen()
  writer.write('still here')
  await writer.close()
  t.equal(readFileSync(`${path}.old`, 'utf8'), 'still here\n')
  t.match(state.lines[0], /could not be opened anew.*EISDIR/)
})

test('a file that cannot be opened is one clear error', async (t) => {
  const path = join(folderOf(t), 'missing', 'access.log')
  t.throws(() => new AccessLogWriter({ path, ...counting().options }), /^cannot open the access log .*ENOENT/)
  t.notOk(existsSync(path))
})

test('a full disk is tried again, drops beyond its bound, and close gives up in the end', {
  skip: !existsSync('/dev/full'),
}, async (t) => {
  const { state, options } = counting()
  const writer = new AccessLogWriter({ path: '/dev/full', ...options })
  const line = 'x'.repeat(65_535)
  for (let index = 0; index < 70; index += 1) writer.write(line)
  t.ok(state.dropped >= 6, `${state.dropped}`)
  await writer.close()
  t.equal(state.dropped, 70)
  t.equal(state.lines.filter((entry) => entry.includes('ENOSPC')).length, 1)
})

/** A pipe with a reader that this process holds. */
function pipeOf(t: Test): { path: string; reader: number } {
  const path = join(folderOf(t), 'pipe')
  execFileSync('mkfifo', [path])
  return { path, reader: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK) }
}

test('a reader that leaves ends the writing with one log line, and reopening begins anew', async (t) => {
  const { path, reader } = pipeOf(t)
  const { state, options } = counting()
  const writer = new AccessLogWriter({ path, ...options })
  closeSync(reader)
  for (let index = 0; index < 10; index += 1) writer.write(`${index}`)
  for (let tries = 0; tries < 100 && state.dropped === 0; tries += 1) await sleep(20)
  for (let index = 0; index < 10; index += 1) writer.write(`${index}`)
  t.equal(state.dropped, 20)
  t.equal(state.lines.length, 1)
  t.match(state.lines[0], /EPIPE/)
  const late = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  late.stdout.on('data', (chunk) => {
    text += chunk
  })
  for (let tries = 0; tries < 100 && text === ''; tries += 1) {
    writer.reopen()
    writer.write('again')
    await sleep(20)
  }
  await writer.close()
  await once(late, 'close')
  t.match(text, /^(again\n)+$/)
})

const writerUrl = new URL('access-log-writer.ts', import.meta.url).href

/** Runs a program whose standard output is a pipe, and gives that pipe to read. */
function run(body: string) {
  return spawn(
    process.execPath,
    ['--input-type=module', '-e', `import { AccessLogWriter } from ${JSON.stringify(writerUrl)}\n${body}`],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
}

test('a pipe whose reader sleeps never blocks the program, and gets whole lines when it reads', async (t) => {
  // The reader of the shell's pipe reads nothing for a second.
  const body = `
    import { performance } from 'node:perf_hooks'
    let dropped = 0
    const writer = new AccessLogWriter({ path: '-', onDrop: (count) => { dropped += count } })
    let longest = 0
    let last = performance.now()
    const beat = setInterval(() => { longest = Math.max(longest, performance.now() - last); last = performance.now() }, 10)
    for (let n = 0; n < 3000; n += 1) writer.write(n + ' ' + 'x'.repeat(n % 700))
    setTimeout(async () => {
      clearInterval(beat)
      await writer.close()
      console.error(JSON.stringify({ dropped, isResponsive: longest < 600 }))
    }, 1300)
  `
  const script = '"$0" --input-type=module -e "$1" | (sleep 1; cat)'
  const code = `import { AccessLogWriter } from ${JSON.stringify(writerUrl)}\n${body}`
  const child = spawn('sh', ['-c', script, process.execPath, code], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  let report = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  child.stderr.on('data', (chunk) => {
    report += chunk
  })
  await once(child, 'close')
  t.same(JSON.parse(report), { dropped: 0, isResponsive: true })
  const lines = text.trimEnd().split('\n')
  t.equal(lines.length, 3_000)
  t.ok(lines.every((line, index) => line === `${index} ${'x'.repeat(index % 700)}`))
})

test('memory for a reader that never reads is bounded, the newest lines are dropped, and close ends', async (t) => {
  const { path, reader } = pipeOf(t)
  t.teardown(() => closeSync(reader))
  const { state, options } = counting()
  const writer = new AccessLogWriter({ path, ...options })
  const line = 'x'.repeat(999)
  for (let index = 0; index < 10_000; index += 1) writer.write(line)
  t.ok(state.dropped > 5_000 && state.dropped < 6_500, `${state.dropped}`)
  await writer.close()
  const held = Math.floor(65_536 / 1_000)
  t.ok(state.dropped >= 10_000 - held - 1 && state.dropped < 10_000, `${state.dropped}`)
})

test('standard output that is closed early does not crash the program', async (t) => {
  const child = run(`
    await new Promise((resolve) => process.stdin.once('data', resolve))
    let dropped = 0
    const writer = new AccessLogWriter({ path: '-', onDrop: (count) => { dropped += count } })
    writer.write('nobody reads this')
    await writer.close()
    process.exit(dropped === 1 ? 9 : 8)
  `)
  child.stdout.destroy()
  child.stdin.write('go\n')
  const [code] = await once(child, 'exit')
  t.equal(code, 9)
})

test('lines of several writers on one pipe do not get mixed up', async (t) => {
  const { path, reader } = pipeOf(t)
  const cat = spawn('sh', ['-c', 'sleep 0.3; cat'], { stdio: [reader, 'pipe', 'ignore'] })
  closeSync(reader)
  let text = ''
  cat.stdout?.on('data', (chunk) => {
    text += chunk
  })
  const { state, options } = counting()
  const writers = ['a', 'b', 'c'].map((name) => ({ name, writer: new AccessLogWriter({ path, ...options }) }))
  for (let index = 0; index < 2_000; index += 1) {
    for (const { name, writer } of writers) writer.write(`${name}${index} ${name.repeat(100)}`)
  }
  await Promise.all(writers.map(({ writer }) => writer.close()))
  await once(cat, 'close')
  const lines = text.trimEnd().split('\n')
  t.equal(state.dropped, 0)
  t.equal(lines.length, 6_000)
  t.ok(lines.every((line) => /^(a\d+ a{100}|b\d+ b{100}|c\d+ c{100})$/.test(line)))
})

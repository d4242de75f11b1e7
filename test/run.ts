/**
 * `npm test [FILTER…]`: runs every test file in a process of its own, two at a
 * time, and prints a line for each. A filter is part of a file's path.
 *
 * The last line is `N passed, N failed`, which counts tests as tap reports
 * them; a file that crashed, hung or left a process behind counts as one
 * failed test more. The exit code is 0 only if a test ran and none failed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'yaml'
import { readTap } from './tap-output.ts'

const jobs = 2
const fileTimeoutMs = 180_000
const root = new URL('..', import.meta.url)
const running = new Set<ChildProcess>()

interface FileResult {
  passed: number
  failed: number
  skipped: number
  failures: string[]
}

process.on('exit', () => running.forEach(killGroup))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
process.exitCode = await main(process.argv.slice(2))

async function main(filters: readonly string[]): Promise<number> {
  const files = testFiles().filter((file) => !filters.length || filters.some((part) => file.includes(part)))
  const total = { passed: 0, failed: 0, skipped: 0 }
  const queue = [...files]
  const work = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const startedAt = performance.now()
      const result = await runFile(file)
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
      report(file, result, seconds)
      for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += result[key]
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  if (!files.length)
    console.log(filters.length ? 'no test file has that in its path' : 'there is no test file')
  const skipped = total.skipped ? `, ${total.skipped} skipped` : ''
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`)
  return total.failed === 0 && total.passed > 0 ? 0 : 1
}

/** Tests of the whole program come first: they take longest. */
function testFiles(): string[] {
  const config = parse(readFileSync(new URL('.taprc', root), 'utf8')) as { include: string[] }
  const files = config.include.flatMap((pattern) => globSync(pattern, { cwd: root }).sort())
  return [...new Set(files)].sort((a, b) => Number(b.startsWith('test/')) - Number(a.startsWith('test/')))
}

async function runFile(file: string): Promise<FileResult> {
  // A group of its own, so that nothing a test started can outlive it unseen.
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const [output, errors, ending] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)])
  const hasOrphans = await leftBehind(child)
  running.delete(child)
  const tap = readTap(output)
  const result = { ...tap, failures: [...tap.failures] }
  const fail = (reason: string, detail: string) => {
    result.failed += 1
    result.failures.push(`${reason}\n${detail}`.trim())
  }
  if (ending && !tap.failed) fail(`the file ${ending}`, output)
  if (!ending && tap.passed + tap.failed + tap.skipped === 0) fail('the file has no test', output)
  if (hasOrphans) fail('the file left a process running', '')
  if (result.failed && errors.trim()) result.failures.push(`standard error:\n${errors.trim()}`)
  return result
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => stream.once('close', resolve))
  return Buffer.concat(chunks).toString()
}

/** What went wrong with the process as a whole, or null. */
async function ended(child: ChildProcess): Promise<string | null> {
  let isTooLong = false
  const timer = setTimeout(() => {
    isTooLong = true
    killGroup(child)
  }, fileTimeoutMs)
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('error', (error) => resolve([null, error.message]))
    child.once('exit', (...args) => {
      resolve(args)
      // A process it left behind may hold the pipes open.
      const letGo = () => [child.stdout, child.stderr].forEach((stream) => void stream?.destroy())
      setTimeout(letGo, 1_000).unref()
    })
  })
  clearTimeout(timer)
  if (isTooLong) return `took longer than ${fileTimeoutMs / 1_000} s`
  return code === 0 ? null : `ended with ${signal ?? `exit code ${code}`}`
}

async function leftBehind(child: ChildProcess): Promise<boolean> {
  for (let tries = 0; tries < 20; tries += 1) {
    if (!signalGroup(child, 0)) return false
    await sleep(50)
  }
  killGroup(child)
  return true
}

function killGroup(child: ChildProcess): void {
  signalGroup(child, 'SIGKILL')
}

function signalGroup(child: ChildProcess, signal: 0 | 'SIGKILL'): boolean {
  if (!child.pid) return false
  try {
    return process.kill(-child.pid, signal)
  } catch {
    return false
  }
}

function report(file: string, result: FileResult, seconds: string): void {
  const skipped = result.skipped ? `, ${result.skipped} skipped` : ''
  const mark = result.failed ? 'FAILED' : 'ok'
  console.log(
    `${mark.padEnd(7)}${file}  ${result.passed} passed, ${result.failed} failed${skipped} (${seconds} s)`,
  )
  for (const failure of result.failures) console.log(`\n${failure.replace(/^/gm, '    ')}\n`)
}

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const ticksPerSecond = 100
const pageBytes = 4_096
const startDeadlineMs = 10_000

/** The core that the proxy under test has to itself. */
export const proxyCore = 1
/** The core that the load generator and the origin share. */
export const loadCore = 0

/** A process that is measured, with all its children. */
export interface Measured {
  /** CPU time used so far by the process, its threads and its children, in seconds. Resolution: 10 ms. */
  cpuSeconds(): number
  /** Resident memory now, summed over the process and its children. */
  residentBytes(): number
  stop(): Promise<void>
}

/** Whether a command is there to be run. */
export function isInstalled(command: string): boolean {
  try {
    execFileSync('which', [command], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Whether processes can be kept on a core: it takes two cores and `taskset`. */
export const canPin = availableParallelism() >= 2 && isInstalled('taskset')

/** The command line that runs `command` on `core`, or anywhere if that cannot be had. */
export function pinned(core: number, command: readonly string[]): [string, string[]] {
  const [program = '', ...args] = canPin ? ['taskset', '-c', String(core), ...command] : command
  return [program, args]
}

/** Starts `command` on `core` and waits until something listens on `port`. */
export async function startPinned(core: number, command: readonly string[], port: number): Promise<Measured> {
  const [program, args] = pinned(core, command)
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, CI: '' } })
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-4_000)
  })
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${command.join(' ')} ended with ${code}: ${errors}`)))
  })
  ended.catch(() => {})
  try {
    await Promise.race([isListening(port), ended])
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return measure(child)
}

/** Runs a script or program on the load core to its end and gives what it printed. */
export async function runOnLoadCore(command: readonly string[], deadlineMs: number): Promise<string> {
  const [program, args] = pinned(loadCore, command)
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: deadlineMs })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${output}`)
  return output
}

/** A port that was free a moment ago; the programs we compare with cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (!address || typeof address === 'string') throw new Error('no free port')
  return address.port
}

function measure(child: ChildProcess): Measured {
  const pid = child.pid ?? 0
  return {
    cpuSeconds: () => sum(pid, (stat) => (Number(stat[11]) + Number(stat[12])) / ticksPerSecond),
    residentBytes: () => sum(pid, (stat) => Number(stat[21]) * pageBytes),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await exited
      clearTimeout(timer)
    },
  }
}

/** Adds up a figure over a process and its children, from `/proc/PID/stat` without its first two fields. */
function sum(pid: number, figure: (stat: readonly string[]) => number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  const own = figure(stat.slice(stat.lastIndexOf(')') + 2).split(' '))
  return children.reduce((total, child) => total + sum(Number(child), figure), own)
}

async function isListening(port: number): Promise<void> {
  const deadline = Date.now() + startDeadlineMs
  while (Date.now() < deadline) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await sleep(50)
  }
  throw new Error(`nothing listens on port ${port} after ${startDeadlineMs / 1_000} s`)
}

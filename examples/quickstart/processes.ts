import { type ChildProcess, spawn } from 'node:child_process'
import { get } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { PortName, Ports } from './ports.ts'

const readyDeadlineMs = 15_000
const stopDeadlineMs = 10_000
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** The four processes of the quickstart while they run. */
export interface Quickstart {
  /** Resolves with a line that says which process ended by itself, and how. */
  readonly ended: Promise<string>
  /** Ends all of them and waits until they are gone. */
  stop(): Promise<void>
}

interface Program {
  readonly name: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/**
 * Starts both applications and both sidecars, and waits until the sidecars are
 * ready. Rejects, with none left running, if one does not come up or if
 * `signal` aborts before all have. Every line that they print goes to `print`.
 */
export async function startQuickstart(
  ports: Ports,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<Quickstart> {
  const children = programs(ports).map((program) => startProgram(program, print))
  const stop = () => stopAll(children.map(({ child }) => child))
  const ended = Promise.race(children.map(({ gone }) => gone))
  const giveUp = new AbortController()
  const waiting = AbortSignal.any([signal, giveUp.signal])
  const ready = Promise.all([
    untilReady(ports.SHOP_ADMIN_PORT, waiting),
    untilReady(ports.STOCK_ADMIN_PORT, waiting),
  ])
  const failure = await Promise.race([ended, ready.then(() => null)]).catch((error: Error) => error.message)
  if (failure === null) return { ended, stop }
  giveUp.abort()
  await stop()
  throw new Error(failure)
}

function programs(ports: Ports): Program[] {
  const env = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)]))
  const main = path('../../cli/main.ts')
  const app = (name: 'shop' | 'stock', port: PortName): Program => ({
    name,
    args: [path(`apps/${name}.ts`)],
    env: { PORT: String(ports[port]), OUTBOUND_PORT: String(ports.SHOP_OUTBOUND_PORT) },
  })
  return [
    app('shop', 'SHOP_PORT'),
    app('stock', 'STOCK_PORT'),
    { name: 'shop sidecar', args: [main, 'run', '-c', path('sidecar.yaml')], env },
    { name: 'stock sidecar', args: [main, 'run', '-c', path('sidecar-stock.yaml')], env },
  ]
}

interface Started {
  readonly child: ChildProcess
  readonly gone: Promise<string>
}

function startProgram({ name, args, env }: Program, print: (line: string) => void): Started {
  // A group of its own, so that Ctrl-C reaches only us, and each is told to end once.
  const child = spawn(process.execPath, args, {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => print(`${name.padEnd(13)} | ${line}`))
  }
  const gone = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`${name} could not be started: ${error.message}`))
    child.once('exit', (code, signal) =>
      resolve(`${name} ended by itself (${signal ?? `exit code ${code}`})`),
    )
  })
  return { child, gone }
}

async function untilReady(adminPort: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + readyDeadlineMs
  while (Date.now() < deadline) {
    if ((await statusOf(`http://127.0.0.1:${adminPort}/ready`)) === 200) return
    await sleep(100, undefined, { signal })
  }
  throw new Error(`the sidecar at 127.0.0.1:${adminPort} is not ready after ${readyDeadlineMs / 1_000} s`)
}

/** The status of an answer; 0 when there is none. */
function statusOf(url: string): Promise<number> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 1_000 }, (response) => {
      response.resume()
      response.once('close', () => resolve(response.statusCode ?? 0))
    })
    request.once('timeout', () => request.destroy())
    request.once('error', () => resolve(0))
  })
}

async function stopAll(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs)
      await exited
      clearTimeout(timer)
    }),
  )
}

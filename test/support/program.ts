import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

/** How a process ended; exactly one of the two is null. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A line of the log, as its reader sees it. */
export type LoggedLine = Readonly<Record<string, unknown>> & { readonly message: string }

/** The program as a real process. Disposing of it kills it, if it still runs. */
export interface RunningProgram extends AsyncDisposable {
  readonly child: ChildProcess
  /** Standard error so far, line by line. */
  readonly errors: readonly string[]
  /** Standard output so far. */
  readonly output: readonly string[]
  readonly exited: Promise<Exit>
  /** The log so far: those lines of standard error that are JSON. */
  log(): readonly LoggedLine[]
  /** Waits for a line of the log whose message matches; `after` skips the first of them. */
  logged(message: RegExp, after?: number): Promise<LoggedLine>
}

/** Starts `pillion` with these arguments. */
export function startProgram(args: readonly string[], env: Record<string, string> = {}): RunningProgram {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const errors: string[] = []
  const output: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line))
  createInterface({ input: child.stdout }).on('line', (line) => output.push(line))
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  const log = (): readonly LoggedLine[] =>
    errors.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LoggedLine)
  return {
    child,
    errors,
    output,
    exited,
    log,
    async logged(message, after = 0) {
      const deadline = performance.now() + 20_000
      for (;;) {
        const found = log().filter((line) => message.test(line.message))[after]
        if (found) return found
        if (performance.now() > deadline || child.exitCode !== null) {
          throw new Error(`${message} was never logged: ${errors.join('\n')}`)
        }
        await sleep(10)
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}

/** Runs `pillion` to its end. */
export async function runProgram(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Exit & { readonly errors: readonly string[]; readonly output: readonly string[] }> {
  await using program = startProgram(args, env)
  const exit = await program.exited
  return { ...exit, errors: program.errors, output: program.output }
}

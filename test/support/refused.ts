import type { Test } from 'tap'
import { startProgram } from './program.ts'

/** What a program that ends by itself has left behind. */
export interface Ended {
  /** Null if it had to be killed. */
  readonly code: number | null
  readonly errors: readonly string[]
  readonly output: readonly string[]
}

/** Longer than any start takes; a program that should have refused to start is killed then. */
const patienceMs = 20_000

/** Runs `pillion` until it ends, or kills it. */
export async function endOf(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  await using program = startProgram(args, env)
  const timer = setTimeout(() => program.child.kill('SIGKILL'), patienceMs)
  const { code } = await program.exited
  clearTimeout(timer)
  return { code, errors: program.errors, output: program.output }
}

/**
 * Asserts that the program refuses these arguments with this exit code, and
 * says why in exactly these lines and nowhere else. Lines are whole texts, or
 * patterns.
 */
export async function assertRefused(
  t: Test,
  args: readonly string[],
  lines: readonly (string | RegExp)[],
  { code = 1, env = {} }: { readonly code?: number; readonly env?: Record<string, string> } = {},
): Promise<void> {
  const ended = await endOf(args, env)
  const name = args.join(' ')
  t.equal(ended.code, code, `exit code of ${name}`)
  t.strictSame(ended.output, [], 'nothing on standard output')
  t.equal(ended.errors.length, lines.length, `one line for each fault: ${ended.errors.join('\n')}`)
  for (const [index, line] of lines.entries()) {
    const found = ended.errors[index] ?? ''
    if (typeof line === 'string') t.equal(found, line)
    else t.match(found, line)
    t.ok(found.length < 600, 'a line can be read')
  }
  // the first character of a line of a stack is a blank
  for (const line of ended.errors) t.notMatch(line, /^\s|\bat .*:\d+:\d+\)?$|node:internal|Error:/)
}

#!/usr/bin/env node
import { exitCodes } from './command.ts'
import { runProgram } from './program.ts'

const isDebug = process.argv.some(
  (word, index, all) =>
    word === '--log-level=debug' || (word === 'debug' && all[index - 1] === '--log-level'),
)

/** The last rescue: one line for what nobody foresaw. */
function fail(thrown: unknown): never {
  // Whoever read our output has gone away; that is no fault of ours.
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EPIPE') process.exit(exitCodes.refused)
  const isError = thrown instanceof Error
  const text = isError ? `${thrown.name}: ${thrown.message}` : String(thrown)
  const line = text.replace(/\s+/g, ' ')
  console.error(
    isDebug && isError
      ? thrown.stack
      : `pillion: unexpected failure: ${line} (add --log-level debug for the stack)`,
  )
  process.exit(exitCodes.refused)
}

process.on('uncaughtException', fail)
// Threads and sockets that are still open must not keep a finished command alive.
process.exit(await runProgram(process.argv.slice(2)).catch(fail))

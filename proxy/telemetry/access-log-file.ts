import { closeSync, constants, fstatSync, openSync } from 'node:fs'

/** Where access log lines go, opened. */
export interface AccessLogFile {
  readonly fd: number
  /** Most bytes for one write, so that lines of several writers do not get mixed up. */
  readonly maxWriteBytes: number
  /** Whether a write takes what fits and never waits, so that it needs no thread of its own. */
  readonly isNonBlocking: boolean
  /** Lets go of the descriptor, unless it is standard output itself. */
  close(): void
}

const stdout = 1
const fileWriteBytes = 262_144
/** PIPE_BUF of Linux: a pipe takes a write of this size whole, or not at all. */
const pipeWriteBytes = 4_096
const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants

/**
 * Opens a file for appending, or standard output for `-`. Throws an `Error` of one clear line.
 *
 * Pipes are opened non-blocking, for a write that waits for a slow reader
 * would hold one of the few threads that the whole process shares for files
 * and name look-ups. A write that cannot wait is made at once: by way of a
 * thread, 4 KiB at a time, it costs more than the lines do.
 */
export function openAccessLog(path: string): AccessLogFile {
  const isStdout = path === '-'
  try {
    const fd = isStdout ? openStdout() : openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o640)
    const kind = fstatSync(fd)
    return {
      fd,
      maxWriteBytes: kind.isFIFO() || kind.isSocket() ? pipeWriteBytes : fileWriteBytes,
      isNonBlocking: kind.isFIFO() && fd !== stdout,
      close: () => fd !== stdout && closeSync(fd),
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`cannot open the access log ${isStdout ? 'on standard output' : path}: ${reason}`, {
      cause,
    })
  }
}

/**
 * A pipe is opened anew, so that it can be non-blocking without becoming so
 * for others who hold it. Without /proc, or when it may not be opened, it is
 * used as it is.
 */
function openStdout(): number {
  if (!fstatSync(stdout).isFIFO()) return stdout
  try {
    return openSync(`/proc/self/fd/${stdout}`, O_WRONLY | O_NONBLOCK)
  } catch {
    return stdout
  }
}

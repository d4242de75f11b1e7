import type { Log } from '../../chains/context.ts'
import { lineSink } from './line-sink.ts'
import { logLine } from './log-line.ts'
import { RepeatLimit } from './repeat-limit.ts'

/** How much is logged: each level says itself and all after it. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number]

/** Whether a word from outside is a log level. */
export const isLogLevel = (word: string): word is LogLevel => logLevels.some((level) => level === word)

/** What {@link createLog} is made with. */
export interface LogOptions {
  readonly level: LogLevel
  /** Stands on each line, to tell threads apart. */
  readonly worker?: number
  /** Takes one line without its line end; standard error, written at once, if not given. */
  readonly write?: (line: string) => void
}

/** A {@link Log} whose level can be changed while it runs. */
export interface LeveledLog extends Log {
  readonly level: LogLevel
  setLevel(level: LogLevel): void
}

const stderr = 2
const maxPerSecond = 10
const maxTexts = 1_000

/**
 * Makes a log of JSON lines: `{time, level, message, worker?, ...fields}`.
 *
 * It never throws. Lines are at most 8 KiB. Of one message (its text, not its
 * fields) ten a second are written, then one line says in `suppressed` how many
 * more there were. Errors among the fields are written as their messages, and
 * with their stacks while the level is `debug`.
 */
export function createLog(options: LogOptions): LeveledLog {
  const { worker } = options
  let level = options.level
  let threshold = logLevels.indexOf(level)

  const line = (lineLevel: string, message: string, fields?: Readonly<Record<string, unknown>>): string =>
    logLine({ time: new Date().toISOString(), level: lineLevel, message, worker }, fields, level === 'debug')
  const dropped = (count: number): string =>
    line('warn', 'log lines were dropped because standard error did not take them', { dropped: count })
  const write = options.write ?? lineSink(stderr, dropped)
  const limit = new RepeatLimit({
    perWindow: maxPerSecond,
    windowMs: 1_000,
    maxTexts,
    now: () => performance.now(),
    onHeldBack: (heldLevel, message, count) =>
      safely(() => write(line(heldLevel, message, { suppressed: count }))),
  })

  const at = (own: LogLevel): Log['info'] => {
    const rank = logLevels.indexOf(own)
    return (message, fields) => {
      if (rank < threshold) return
      safely(() => {
        if (limit.passes(own, message)) write(line(own, message, fields))
      })
    }
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    get level() {
      return level
    },
    setLevel(next) {
      level = next
      threshold = logLevels.indexOf(next)
    },
  }
}

/** A log that cannot be written must not take down what it tells of. */
function safely(work: () => void): void {
  try {
    work()
  } catch {
    // There is nowhere left to say so.
  }
}

import type { Context, Outcome } from '../context.ts'
import type { HttpFilter, TcpFilter } from '../filter.ts'
import type { HeaderList } from '../headers.ts'
import type { Direction, Model } from '../model.ts'
import { isoTimeWriter } from '../policy/iso-time.ts'
import { jsonText } from '../policy/json-text.ts'
import { defaultLogFields, type LogEntry, type LoggedRequest, type LogValue } from '../policy/log-fields.ts'
import { compileTemplate, type Template } from '../policy/template.ts'
import type { AccessLogConfig } from '../settings.ts'
import type { Tools } from '../tools.ts'

/**
 * Writes one line of JSON for each HTTP exchange when it ends; the request is
 * shown as it was when it came to this filter. Throws if a template is wrong.
 *
 * `sample` thins the lines out, except those of failures that are the proxy's or
 * a plugin's fault.
 */
export function accessLog(
  direction: Direction,
  tools: Tools,
  config: AccessLogConfig,
  model: Model,
): HttpFilter {
  const { write, requestHeaders } = lineWriter(direction, tools, config, model)
  const kept = (headers: HeaderList) => requestHeaders.map((name) => headers.get(name))
  return (request, cx, next) => {
    const { method, path, version } = request
    const logged: LoggedRequest = { method, path, version, headers: kept(request.headers) }
    cx.onEnd((outcome) => write(logged, outcome, cx))
    return next(request, cx)
  }
}

/** Like {@link accessLog}, for TCP connections; what concerns requests is null. */
export function tcpAccessLog(
  direction: Direction,
  tools: Tools,
  config: AccessLogConfig,
  model: Model,
): TcpFilter {
  const { write } = lineWriter(direction, tools, config, model)
  const ended = (outcome: Outcome, cx: Context) => write(null, outcome, cx)
  return (stream, cx, next) => {
    cx.onEnd(ended)
    return next(stream, cx)
  }
}

/** What is known of a request that was refused before it was one; null is what is not. */
export type RefusedRequest = Omit<LoggedRequest, 'headers'>

/** Writes the line of such a request. */
export type RefusalLog = (request: RefusedRequest, outcome: Outcome, cx: Context) => void

/** Like {@link accessLog}, for requests that no chain has seen; null when nothing is logged. */
export function refusalLog(direction: Direction, tools: Tools, model: Model): RefusalLog | null {
  if (!model.accessLog) return null
  const { write } = lineWriter(direction, tools, model.accessLog, model)
  return (request, outcome, cx) => write({ ...request, headers: [] }, outcome, cx)
}

interface LineWriter {
  readonly write: (request: LoggedRequest | null, outcome: Outcome, cx: Context) => void
  /** Lower-case names of the request headers to keep for `write`, in its order. */
  readonly requestHeaders: readonly string[]
}

/** One field of the lines. */
interface Column {
  /** What stands before the value. */
  readonly prefix: string
  readonly template: Template
  /** What it was in the line before. */
  value: LogValue | undefined
  text: string
}

/**
 * Neighbouring fields that say the same in line after line: where a request
 * went is one string, put together again only when one of them has changed.
 */
interface Run {
  readonly columns: readonly Column[]
  /** Whether this is one field that is another in each line, and is not remembered. */
  readonly differs: boolean
  text: string
}

function lineWriter(direction: Direction, tools: Tools, config: AccessLogConfig, model: Model): LineWriter {
  const requestHeaders: string[] = []
  const columns = Object.entries(config.fields ?? defaultLogFields).map(
    ([name, text], at): Column => ({
      prefix: `${at === 0 ? '' : ','}${jsonText(name)}:`,
      template: compiled(name, text, requestHeaders),
      value: undefined,
      text: '',
    }),
  )
  const runs = runsOf(columns)
  const { identity } = model
  const isoTime = isoTimeWriter()
  let written: Outcome | null = null

  const write = (request: LoggedRequest | null, outcome: Outcome, cx: Context) => {
    // a filter further out may have run the chain again: still one exchange, and one line
    if (outcome === written) return
    written = outcome
    if (config.sample < 1 && !isOurFault(outcome) && tools.random() >= config.sample) return
    const startedAt = tools.clock.wallTime() - outcome.durationMs
    const entry: LogEntry = { direction, identity, cx, outcome, request, startedAt, isoTime }
    let line = '{'
    for (const run of runs) line += run.differs ? fresh(run, entry) : remembered(run, entry)
    tools.writeAccessLog(`${line}}`)
  }
  return { write, requestHeaders }
}

function runsOf(columns: readonly Column[]): Run[] {
  const runs: { columns: Column[]; differs: boolean; text: string }[] = []
  for (const column of columns) {
    const { differs } = column.template
    const last = runs.at(-1)
    if (last && !differs && !last.differs) last.columns.push(column)
    else runs.push({ columns: [column], differs, text: '' })
  }
  return runs
}

function fresh({ columns: [column] }: Run, entry: LogEntry): string {
  return column ? column.prefix + column.template.json(column.template.read(entry)) : ''
}

function remembered(run: Run, entry: LogEntry): string {
  let isChanged = false
  for (const column of run.columns) {
    const value = column.template.read(entry)
    if (value === column.value) continue
    column.value = value
    column.text = column.prefix + column.template.json(value)
    isChanged = true
  }
  // joined, not added up: it is one piece then, which is copied faster
  if (isChanged) run.text = run.columns.map((column) => column.text).join('')
  return run.text
}

function isOurFault({ error }: Outcome): boolean {
  if (!error) return false
  const { blame } = error.traits
  return blame === 'proxy' || blame === 'plugin'
}

function compiled(name: string, text: string, requestHeaders: string[]): Template {
  const template = compileTemplate(text, requestHeaders)
  if ('error' in template) throw new Error(`access log field ${JSON.stringify(name)}: ${template.error}`)
  return template
}

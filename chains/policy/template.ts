import { jsonText, shortened } from './json-text.ts'
import { type LogEntry, type LogValue, logFields } from './log-fields.ts'

/** One field of the access log, ready to be written. */
export interface Template {
  /** Whether it gives another value in nearly every line. */
  readonly differs: boolean
  /** The field's value in one line. */
  read(entry: LogEntry): LogValue
  /** Such a value as JSON. Costs more than reading it: worth remembering where the same one comes again. */
  json(value: LogValue): string
}

/** Why a template cannot be used: one line, for whoever wrote it. */
export interface TemplateFault {
  readonly error: string
}

/** How much of one value that strangers choose (a path, a header) is logged. */
const maxValueLength = 1_024

/** Headers whose values are never logged, only that they were there. */
const secretHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
])

type Piece = string | ((entry: LogEntry) => LogValue)

/**
 * Compiles a template: text with `%{name}` for each field of {@link logFields},
 * and `%%` for a percent sign.
 *
 * One that is a single `%{name}` gives that value as it is in JSON (a number, a
 * string, or null); all others give a string. `requestHeaders` collects the
 * names of the request headers to keep, whose values are then found in
 * `LoggedRequest.headers` at the same index; share it among the templates of one log.
 */
export function compileTemplate(text: string, requestHeaders: string[] = []): Template | TemplateFault {
  const pieces: Piece[] = []
  let differs = false
  let literal = ''
  for (let at = 0; at < text.length; at += 1) {
    if (text.startsWith('%%', at)) {
      literal += '%'
      at += 1
    } else if (text.startsWith('%{', at)) {
      const end = text.indexOf('}', at)
      if (end < 0) return { error: `"%{" at ${at + 1} has no "}"` }
      const name = text.slice(at + 2, end)
      const field = fieldNamed(name, requestHeaders)
      if (typeof field !== 'function') return field
      if (literal !== '') pieces.push(literal)
      pieces.push(field)
      differs ||= differing.has(name)
      literal = ''
      at = end
    } else literal += text[at]
  }
  if (literal !== '') pieces.push(literal)
  return templateOf(pieces, differs)
}

const differing: ReadonlySet<string> = new Set(
  Object.entries(logFields).flatMap(([name, field]) => ('differs' in field ? [name] : [])),
)

function templateOf(pieces: readonly Piece[], differs: boolean): Template {
  const [first] = pieces
  if (pieces.length === 1 && typeof first === 'function') return { differs, read: first, json: shortJson }
  return {
    differs,
    read(entry) {
      let text = ''
      for (const piece of pieces) text += typeof piece === 'string' ? piece : plainText(piece(entry))
      return text
    },
    json: (value) => jsonText(String(value)),
  }
}

function shortJson(value: LogValue): string {
  if (typeof value === 'string') return jsonText(shortened(value, maxValueLength))
  // JSON has no word for what is not finite
  return Number.isFinite(value) ? String(value) : 'null'
}

function plainText(value: LogValue): string {
  return value === null ? '-' : shortened(String(value), maxValueLength)
}

function fieldNamed(name: string, requestHeaders: string[]): Exclude<Piece, string> | TemplateFault {
  const colon = name.indexOf(':')
  if (colon >= 0)
    return headerField(name.slice(0, colon), name.slice(colon + 1).toLowerCase(), requestHeaders)
  if (name === 'host') return requestHeader('host', requestHeaders)
  if (Object.hasOwn(logFields, name)) return logFields[name as keyof typeof logFields].read
  return { error: `there is no field ${JSON.stringify(name)}; there are ${fieldNames.join(', ')}` }
}

const fieldNames: readonly string[] = [
  ...Object.keys(logFields),
  'host',
  'request_header:NAME',
  'response_header:NAME',
]

function headerField(
  kind: string,
  header: string,
  requestHeaders: string[],
): Exclude<Piece, string> | TemplateFault {
  if (kind !== 'request_header' && kind !== 'response_header') {
    return { error: `there is no field ${JSON.stringify(`${kind}:`)}; there are ${fieldNames.join(', ')}` }
  }
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(header)) {
    return { error: `${JSON.stringify(header)} cannot be the name of a header` }
  }
  if (kind === 'request_header') return requestHeader(header, requestHeaders)
  return ({ outcome }) => shown(header, outcome.response?.headers.get(header))
}

function requestHeader(header: string, requestHeaders: string[]): (entry: LogEntry) => LogValue {
  const known = requestHeaders.indexOf(header)
  const index = known >= 0 ? known : requestHeaders.push(header) - 1
  return ({ request }) => shown(header, request?.headers[index])
}

function shown(header: string, value: string | undefined): string | null {
  if (value === undefined) return null
  return secretHeaders.has(header) ? '[redacted]' : value
}

import { isIPv4, isIPv6 } from 'node:net'
import { isRange } from '../../../chains/ip-ranges.ts'
import { compileTemplate } from '../../../chains/policy/template.ts'
import { configLimits } from '../defaults.ts'
import type { Address } from '../settings.ts'
import type { Parsed, TextKind } from './shape.ts'

function kind<T>(
  what: string,
  pattern: string | null,
  parse: (text: string) => T | null,
  write: (value: T) => string = String,
): TextKind<T> {
  const settle = (text: string): Parsed<T> => {
    const value = parse(text)
    return value === null ? { problem: `expected ${what}` } : { value }
  }
  return { what, pattern, parse: settle, write, number: null }
}

/** Any text, also none. */
export const anyText = kind('text', null, (text) => text)

/** A name that may stand in metrics and logs. */
export const name = kind(
  'a name (text without control characters, at most 253 long)',
  '^.{1,253}$',
  (text) => (text.length > 0 && text.length <= 253 && !/\p{Cc}/u.test(text) ? text : null),
)

/** The name of a header, which becomes lower case. */
export const headerName = kind('the name of a header', "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", (text) =>
  /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$/.test(text) ? text.toLowerCase() : null,
)

/** The value of a header: visible characters, spaces and tabs. */
export const headerValue = kind(
  'the value of a header (no line breaks or control characters)',
  null,
  (text) => (/^[\t\x20-\x7e\x80-\xff]*$/.test(text) && text === text.trim() ? text : null),
)

/** An HTTP method, which becomes upper case. */
export const method = kind('an HTTP method', '^[A-Za-z-]+$', (text) =>
  /^[A-Za-z-]{1,32}$/.test(text) ? text.toUpperCase() : null,
)

/** A path that a request can have. */
export const requestPath = kind('a path that starts with /', '^/', (text) =>
  /^\/[\x21-\x7e]*$/.test(text) ? text : null,
)

/** An IP address or a CIDR range. */
export const cidr = kind(
  'an IP address or a range such as 10.0.0.0/8',
  '^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$',
  (text) => (isRange(text) && !text.includes('%') ? text : null),
)

function splitAddress(text: string, minPort: number): Address | null {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text)
  if (!parts) return null
  const [, v6, plain, digits] = parts
  const port = Number(digits)
  if (port < minPort || port > 65_535) return null
  if (v6 !== undefined) return isIPv6(v6) && !v6.includes('%') ? { host: v6, port } : null
  return plain !== undefined && isHost(plain) ? { host: plain, port } : null
}

/** Whether a text is an IPv4 address or could be the name of a host. */
function isHost(text: string): boolean {
  if (/^[0-9.]+$/.test(text)) return isIPv4(text)
  return text.length <= 253 && /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$/.test(text)
}

/** Prints an address as `host:port`, IPv6 in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const addressPattern = '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9_.-]+):[0-9]{1,5}$'

/** Where to connect to. */
export const address = kind(
  'host:port, such as 127.0.0.1:8080 or [::1]:8080',
  addressPattern,
  (text) => splitAddress(text, 1),
  formatAddress,
)

/** Where to listen; port 0 lets the kernel choose. */
export const listenAddress = kind(
  'host:port, such as 127.0.0.1:8080 or [::1]:8080',
  addressPattern,
  (text) => splitAddress(text, 0),
  formatAddress,
)

/** Where to listen, or `off`. */
export const addressOrOff = kind<Address | 'off'>(
  'host:port, such as 127.0.0.1:8080, or off',
  `^off$|${addressPattern}`,
  (text) => (text === 'off' ? text : splitAddress(text, 0)),
  (value) => (value === 'off' ? value : formatAddress(value)),
)

/** A host as clients name it, with or without port, or `*`, or `*.domain`; becomes lower case. */
export const hostPattern = kind('a host, host:port, *.domain or *', '^[^\\s/]+$', (text) => {
  if (text === '*') return text
  const host = text.startsWith('*.') ? text.slice(2) : text
  if (splitAddress(host, 1) || isHost(host)) return text.toLowerCase()
  return /^\[(.*)\]$/.test(host) && isIPv6(host.slice(1, -1)) ? text.toLowerCase() : null
})

/** A regular expression, kept as its source once it has been compiled for a test. */
export const regex: TextKind<string> = {
  what: 'a regular expression',
  pattern: null,
  write: String,
  number: null,
  parse: (text) => {
    if (text.length > configLimits.maxRegexLength) {
      return { problem: `a regular expression may have at most ${configLimits.maxRegexLength} characters` }
    }
    try {
      new RegExp(text)
      return { value: text }
    } catch (thrown) {
      return { problem: thrown instanceof Error ? thrown.message : 'is no regular expression' }
    }
  },
}

/** Units by their length in milliseconds, longest first. */
const durationUnits = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const
/** The longest wait that Node's timers can make. */
const maxDurationMs = 2 ** 31 - 1
const durationWhat = 'a duration such as 200ms, 5s or 1m'

/** A duration in milliseconds; 0 may be written without a unit. */
export const duration: TextKind<number> = {
  what: durationWhat,
  pattern: '^(0|[0-9]+(\\.[0-9]+)?(ms|s|m|h))$',
  write: (ms) => {
    const unit = Object.entries(durationUnits).find(([, size]) => ms > 0 && ms % size === 0)
    return unit ? `${ms / unit[1]}${unit[0]}` : String(ms)
  },
  number: {
    max: 0,
    parse: (value) => (value === 0 ? { value } : { problem: `has no unit: expected ${durationWhat}` }),
  },
  parse: (text) => {
    if (text === '0') return { value: 0 }
    const [, digits, unit] = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$/.exec(text) ?? []
    if (digits === undefined || unit === undefined) return { problem: `expected ${durationWhat}` }
    const ms = Math.round(Number(digits) * durationUnits[unit as keyof typeof durationUnits])
    return ms <= maxDurationMs ? { value: ms } : { problem: 'expected at most 24 days' }
  },
}

const sizeUnits = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 } as const
const sizeWhat = 'a size such as 8KiB or 1MiB, or a number of bytes'

/** A size in bytes; a bare number is bytes. */
export const size: TextKind<number> = {
  what: sizeWhat,
  pattern: '^[0-9]+(B|KiB|MiB|GiB)?$',
  write: (bytes) => {
    const unit = Object.entries(sizeUnits).find(([, one]) => one > 1 && bytes > 0 && bytes % one === 0)
    return unit ? `${bytes / unit[1]}${unit[0]}` : String(bytes)
  },
  number: {
    max: Number.MAX_SAFE_INTEGER,
    parse: (value) =>
      Number.isSafeInteger(value) && value >= 0 ? { value } : { problem: `expected ${sizeWhat}` },
  },
  parse: (text) => {
    const [, digits, unit = 'B'] = /^([0-9]{1,15})(B|KiB|MiB|GiB)?$/.exec(text) ?? []
    if (digits === undefined) return { problem: `expected ${sizeWhat}` }
    const bytes = Number(digits) * sizeUnits[unit as keyof typeof sizeUnits]
    return Number.isSafeInteger(bytes) ? { value: bytes } : { problem: 'is too much' }
  },
}

/** A template of the access log. */
export const logTemplate: TextKind<string> = {
  what: 'text with %{FIELD} for each field',
  pattern: null,
  write: String,
  number: null,
  parse: (text) => {
    const compiled = compileTemplate(text)
    return 'error' in compiled ? { problem: compiled.error } : { value: text }
  },
}

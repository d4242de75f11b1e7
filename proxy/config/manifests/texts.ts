import { orList } from '../fault.ts'
import { closest } from '../shape/closest.ts'
import type { Parsed, TextKind } from '../shape/shape.ts'
import { headerName, headerValue } from '../shape/texts.ts'

/** A kind of text that can only be read, as annotations and comments are. */
export interface WordKind<T> {
  /** For messages: "expected " + what. */
  readonly what: string
  readonly parse: (text: string) => Parsed<T>
}

function matching(what: string, pattern: string): TextKind<string> {
  const test = new RegExp(pattern)
  const parse = (text: string) => (test.test(text) ? { value: text } : { problem: `expected ${what}` })
  return { what, pattern, parse, write: String, number: null }
}

/** The name of a resource; that of a plugin stands in file names, metrics and logs. */
export const resourceName = matching(
  'a name (letters, digits, -, _ and ., at most 253 long)',
  '^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$',
)

/** The version of a plugin. */
export const pluginVersion = matching(
  'a version (letters, digits, ., _, + and -, at most 64 long)',
  '^[A-Za-z0-9._+-]{1,64}$',
)

/** Where a plugin may connect to. */
export const connectTarget = matching(
  'host:port, where * stands for any host or any port',
  '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9_.-]+|\\*):([0-9]{1,5}|\\*)$',
)

/** Where a WebAssembly module is. */
export const moduleUrl = matching(
  'a URL: file:, http://, https:// or oci://',
  '^(?:[fF][iI][lL][eE]:|[hH][tT][tT][pP][sS]?://|[oO][cC][iI]://|[A-Za-z0-9[])[!-~]{1,4000}$',
)

/** A SHA-256. */
export const sha256Digest = matching('64 hexadecimal digits', '^[0-9A-Fa-f]{64}$')

/** The name of an environment variable. */
export const variableName = matching('the name of an environment variable', '^[A-Za-z_][A-Za-z0-9_]{0,254}$')

/** A number that stands in a text, such as an annotation. */
export function numberText(min: number, max: number, isInteger: boolean): WordKind<number> {
  const what = `a ${isInteger ? 'whole number' : 'number'} from ${min} to ${max}`
  const form = isInteger ? /^[0-9]{1,15}$/ : /^-?[0-9]{1,15}(\.[0-9]{1,15})?$/
  return {
    what,
    parse: (text) => {
      const value = form.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? { value } : { problem: `expected ${what}` }
    },
  }
}

/** One of several words. */
export function wordText<const V extends string>(values: readonly V[]): WordKind<V> {
  const what = orList(values)
  return {
    what,
    parse: (text) => {
      const value = values.find((one) => one === text)
      if (value !== undefined) return { value }
      const best = closest(text, values)
      return { problem: `expected ${what}${best === null ? '' : `; did you mean ${best}?`}` }
    },
  }
}

/** `true` or `false`. */
export const booleanText: WordKind<boolean> = {
  what: 'true or false',
  parse: (text) =>
    text === 'true' || text === 'false' ? { value: text === 'true' } : { problem: 'expected true or false' },
}

/** Several texts of one kind with commas between. */
export function listText<T>(of: WordKind<T>): WordKind<readonly T[]> {
  const what = `${of.what}; several with commas between`
  return {
    what,
    parse: (text) => {
      const values: T[] = []
      for (const word of text.split(',').map((one) => one.trim())) {
        const parsed = of.parse(word)
        if ('problem' in parsed) return parsed
        values.push(parsed.value)
      }
      return { value: values }
    },
  }
}

/** A header and its value: `x-preview: yes`, or `x-preview=yes` where spaces part words. */
export const headerText: WordKind<{ readonly name: string; readonly value: string }> = {
  what: 'NAME: VALUE or NAME=VALUE',
  parse: (text) => {
    const [, given, rest] = /^([^:=]+)[:=](.*)$/s.exec(text) ?? []
    if (given === undefined || rest === undefined) return { problem: `expected ${headerText.what}` }
    const name = headerName.parse(given.trim())
    const value = headerValue.parse(rest.trim())
    if ('problem' in name) return name
    return 'problem' in value ? value : { value: { name: name.value, value: value.value } }
  },
}

import { parseArgs } from 'node:util'
import { didYouMean } from './did-you-mean.ts'
import { UsageError } from './usage-error.ts'

/** One option of a command, with what `--help` says of it. */
export interface OptionSpec {
  readonly short?: string
  /** What stands for the value in the help; null for an option without one. */
  readonly value: string | null
  /** Whether it may be given several times. */
  readonly isMany?: boolean
  /** The only values that there are. */
  readonly choices?: readonly string[]
  readonly help: string
}

/** The options of a command by their long names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>

/** What stood on the command line: the values of each option, in order. Options that were not given are missing. */
export type OptionValues = ReadonlyMap<string, readonly string[]>

/**
 * Reads the arguments of a command. Throws {@link UsageError} for an unknown
 * option, a missing or superfluous value, a repetition, or a stray argument.
 */
export function parseOptions(args: readonly string[], specs: OptionSpecs): OptionValues {
  // Not `strict`: its messages are several sentences long, and know no near misses.
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(specs).map(([name, { short, value }]) => [
        name,
        { type: value === null ? ('boolean' as const) : ('string' as const), ...(short && { short }) },
      ]),
    ),
    strict: false,
    tokens: true,
  })
  const values = new Map<string, string[]>()
  // The values of the option before, where it takes several: `-f a.js b.js` is what shells make of `-f *.js`.
  let open: string[] | null = null
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (!open || token.value === '') throw new UsageError(`unexpected argument ${shown(token.value)}`)
      open.push(token.value)
    }
    if (token.kind === 'option-terminator') open = null
    if (token.kind !== 'option') continue
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined
    if (!spec) throw new UsageError(unknownOption(token.rawName, specs))
    const before = values.get(token.name)
    if (before && !spec.isMany) throw new UsageError(`${token.rawName} was given twice`)
    const value = checkedValue(token, spec)
    const all = [...(before ?? []), value]
    values.set(token.name, all)
    open = spec.isMany ? all : null
  }
  return values
}

interface OptionToken {
  readonly rawName: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}

function checkedValue({ rawName, value, inlineValue }: OptionToken, spec: OptionSpec): string {
  if (spec.value === null) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`)
    return ''
  }
  // An option where a value should be: the value was forgotten.
  const isMissing = value === undefined || value === '' || (!inlineValue && /^-./.test(value))
  if (isMissing) throw new UsageError(`${rawName} needs a value: ${rawName} ${spec.value}`)
  if (spec.choices && !spec.choices.includes(value)) {
    throw new UsageError(`${rawName} is ${spec.choices.join(' or ')}, not ${shown(value)}`)
  }
  return value
}

function unknownOption(rawName: string, specs: OptionSpecs): string {
  const names = Object.keys(specs).map((name) => `--${name}`)
  return `unknown option ${shown(rawName)}${didYouMean(rawName, names)}`
}

/** Words from outside, fit for one line. */
export const shown = (word: string): string =>
  /^[\w./:=@,-]{1,80}$/.test(word) ? word : JSON.stringify(word.slice(0, 80))

/** The lines of a help text that list options. */
export function optionLines(specs: OptionSpecs): string[] {
  const rows = Object.entries(specs).map(([name, { short, value, isMany, help }]) => {
    const flag = `${short ? `-${short}, ` : '    '}--${name}${value === null ? '' : ` ${value}`}`
    return { flag: `  ${flag}${isMany ? ' …' : ''}`, help }
  })
  const width = Math.max(...rows.map(({ flag }) => flag.length)) + 2
  return rows.map(({ flag, help }) => `${flag.padEnd(width)}${help}`)
}

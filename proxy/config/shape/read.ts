import { configLimits } from '../defaults.ts'
import { orList, type Path, show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import { SubstitutedText, unreadable } from '../source/source.ts'
import { closest } from './closest.ts'
import type { Rule, Shape, TextKind } from './shape.ts'

/** Stands for a value that was refused; its fault has been reported. */
const refused = Symbol('refused')

/**
 * `strict`: unknown keys are faults. `lenient` (FSM's config): they are counted. `manifest`: each
 * is a warning. In the latter two null is as good as missing.
 */
export type ReadMode = 'strict' | 'lenient' | 'manifest'

/**
 * Checks a parsed value against a shape. Reports all that is wrong with it, and
 * returns what was well, so that later checks can still say what they find:
 * refused items are left out, refused optional keys are as if missing. Null
 * when nothing is left.
 */
export function readShape<T>(shape: Shape<T>, value: unknown, faults: FaultList, mode: ReadMode): T | null {
  const result = new Reading(faults, mode).read(shape.rule, value, [])
  return result === refused ? null : (result as T)
}

type Of<K extends Rule['is']> = Extract<Rule, { is: K }>

class Reading {
  readonly #faults: FaultList
  readonly #mode: ReadMode
  constructor(faults: FaultList, mode: ReadMode) {
    this.#faults = faults
    this.#mode = mode
  }

  read(rule: Rule, value: unknown, path: Path): unknown {
    if (value === unreadable) {
      this.#faults.noteUnreadable(path)
      return refused
    }
    switch (rule.is) {
      case 'text':
        return this.#readText(rule.kind, value, path)
      case 'number':
        return this.#readNumber(rule, value, path)
      case 'boolean':
        return this.#readBoolean(value, path)
      case 'choice': {
        const word = value instanceof SubstitutedText ? value.text : value
        if (typeof word === 'string' && rule.values.includes(word)) return word
        return this.#refuse(
          path,
          `is ${show(word)}: expected ${orList(rule.values)}${hint(word, rule.values)}`,
        )
      }
      case 'list':
        return this.#readList(rule, value, path)
      case 'map':
        return this.#readMap(rule, value, path)
      case 'object':
        return this.#readObject(rule, value, path)
      case 'either':
        return this.#readEither(rule, value, path)
      case 'nullable':
        return value === null ? null : this.read(rule.of, value, path)
      case 'json':
        return this.#readJson(value, path)
    }
  }

  #readText(kind: TextKind<unknown>, value: unknown, path: Path): unknown {
    const word = value instanceof SubstitutedText ? value.text : value
    if (typeof word === 'number' && kind.number) return this.#settle(kind.number.parse(word), word, path)
    if (typeof word === 'string') return this.#settle(kind.parse(word), word, path)
    const isScalar = typeof word === 'number' || typeof word === 'boolean'
    const advice = isScalar && this.#mode !== 'lenient' ? '; write it in quotes if text is meant' : ''
    return this.#refuse(path, `is ${show(word)}: expected ${kind.what}${advice}`)
  }

  #settle(parsed: { value: unknown } | { problem: string }, word: string | number, path: Path): unknown {
    return 'problem' in parsed ? this.#refuse(path, `is ${show(word)}: ${parsed.problem}`) : parsed.value
  }

  #readNumber(rule: Of<'number'>, value: unknown, path: Path): unknown {
    const isNumeric = value instanceof SubstitutedText && /^[+-]?[0-9]+(\.[0-9]+)?$/.test(value.text)
    const amount = isNumeric ? Number(value.text) : value
    const isFine = typeof amount === 'number' && amount >= rule.min && amount <= rule.max
    if (isFine && (!rule.isInteger || Number.isSafeInteger(amount))) return amount
    return this.#refuse(path, `is ${show(textOf(value))}: expected ${describeNumber(rule)}`)
  }

  #readBoolean(value: unknown, path: Path): unknown {
    if (typeof value === 'boolean') return value
    if (value instanceof SubstitutedText && /^(true|false)$/.test(value.text)) return value.text === 'true'
    return this.#refuse(path, `is ${show(textOf(value))}: expected true or false`)
  }

  #readList(rule: Of<'list'>, value: unknown, path: Path): unknown {
    if (!Array.isArray(value)) return this.#refuse(path, `is ${show(textOf(value))}: expected a list`)
    if (value.length < rule.min)
      return this.#refuse(path, `is empty: expected at least ${rule.min} in the list`)
    const items: unknown[] = []
    const indexes: number[] = []
    value.forEach((item, i) => {
      const result = this.read(rule.of, item, [...path, i])
      if (result === refused) return
      items.push(result)
      indexes.push(i)
    })
    this.#faults.remember(items, path, items.length < value.length ? indexes : undefined)
    return items
  }

  #readMap(rule: Of<'map'>, value: unknown, path: Path): unknown {
    if (!isObject(value)) return this.#refuse(path, `is ${show(textOf(value))}: expected an object`)
    const entries: [string, unknown][] = []
    const given = Object.entries(value)
    if (given.length < rule.min) return this.#refuse(path, 'is empty: expected at least one entry')
    for (const [name, item] of given) {
      const key = rule.key.parse(name)
      if ('problem' in key) {
        this.#faults.add([...path, name], `the key is ${show(name)}: ${key.problem}`, 'key')
        continue
      }
      if (item === null && this.#mode !== 'strict' && !isNullable(rule.of)) continue
      const result = this.read(rule.of, item, [...path, name])
      if (result !== refused) entries.push([key.value, result])
    }
    const result = Object.fromEntries(entries)
    this.#faults.remember(result, path)
    return result
  }

  #readObject(rule: Of<'object'>, value: unknown, path: Path): unknown {
    if (!isObject(value)) return this.#refuse(path, `is ${show(textOf(value))}: expected an object`)
    const misspelt = this.#readUnknown(Object.keys(rule.fields), value, path)
    let isWhole = true
    const entries = Object.entries(rule.fields).map(([name, field]): [string, unknown] => {
      const item = Object.hasOwn(value, name) ? value[name] : undefined
      const isMissing =
        item === undefined || (item === null && this.#mode !== 'strict' && !isNullable(field.shape.rule))
      if (!isMissing) {
        const result = this.read(field.shape.rule, item, [...path, name])
        if (result !== refused) return [name, result]
      } else if (field.isRequired && !misspelt.has(name)) {
        this.#faults.add([...path, name], 'is missing')
      }
      if (field.isRequired) isWhole = false
      return [name, field.fallback]
    })
    if (!isWhole) return refused
    const result = Object.fromEntries(entries)
    this.#faults.remember(result, path)
    return result
  }

  #readEither(rule: Of<'either'>, value: unknown, path: Path): unknown {
    const type = jsonType(value)
    const isNumeric = value instanceof SubstitutedText && /^[0-9.]+$/.test(value.text)
    const match =
      (isNumeric ? rule.of.find((one) => one.is === 'number') : undefined) ??
      rule.of.find((one) => jsonTypes(one).includes(type))
    if (match) return this.read(match, value, path)
    return this.#refuse(path, `is ${show(textOf(value))}: expected ${orList(rule.of.map(describe))}`)
  }

  #readJson(value: unknown, path: Path): unknown {
    if (path.length > configLimits.maxDepth) return this.#refuse(path, 'is nested too deeply')
    if (value === unreadable) return null
    if (value instanceof SubstitutedText) return value.text
    if (typeof value === 'number' && !Number.isFinite(value))
      return this.#refuse(path, 'is no number that JSON has')
    if (Array.isArray(value)) return value.map((item, i) => this.#readJson(item, [...path, i]))
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([k, item]) => [k, this.#readJson(item, [...path, k])]),
    )
  }

  /** Reports keys that nobody knows. Returns those that are missing because one of these was meant to be them. */
  #readUnknown(
    known: readonly string[],
    value: Readonly<Record<string, unknown>>,
    path: Path,
  ): ReadonlySet<string> {
    const misspelt = new Set<string>()
    for (const name of Object.keys(value)) {
      if (known.includes(name)) continue
      const best = closest(name, known)
      this.#noteUnknown([...path, name], keyAdvice(best, known))
      if (this.#mode !== 'strict' || best === null || Object.hasOwn(value, best)) continue
      misspelt.add(best)
      this.#faults.noteUnreadable([...path, best])
    }
    return misspelt
  }

  #noteUnknown(path: Path, advice: string): void {
    if (this.#mode === 'lenient') this.#faults.countUnknown(path)
    else if (this.#mode === 'strict') this.#faults.add(path, `there is no such key${advice}`, 'key')
    else this.#faults.warn(path, `there is no such key, and it is ignored${advice}`, 'key')
  }

  #refuse(path: Path, message: string): typeof refused {
    this.#faults.add(path, message)
    return refused
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof SubstitutedText)
  )
}

function textOf(value: unknown): unknown {
  return value instanceof SubstitutedText ? value.text : value
}

function isNullable(rule: Rule): boolean {
  return rule.is === 'json' || rule.is === 'nullable'
}

/** As many keys as can be listed without hiding what is wrong. */
const maxListedKeys = 5

function keyAdvice(best: string | null, known: readonly string[]): string {
  if (best !== null) return `; did you mean ${best}?`
  return known.length > maxListedKeys ? '' : `: expected ${orList(known)}`
}

function hint(word: unknown, known: readonly string[]): string {
  const best = typeof word === 'string' ? closest(word, known) : null
  return best === null ? '' : `; did you mean ${best}?`
}

function describeNumber(rule: Of<'number'>): string {
  const what = rule.isInteger ? 'a whole number' : 'a number'
  const isOpen = rule.max >= Number.MAX_SAFE_INTEGER
  return isOpen ? `${what} from ${rule.min} up` : `${what} from ${rule.min} to ${rule.max}`
}

function describe(rule: Rule): string {
  switch (rule.is) {
    case 'text':
      return rule.kind.what
    case 'number':
      return describeNumber(rule)
    case 'boolean':
      return 'true or false'
    case 'choice':
      return orList(rule.values)
    case 'list':
      return 'a list'
    case 'json':
      return 'anything'
    default:
      return 'an object'
  }
}

function jsonType(value: unknown): string {
  if (value instanceof SubstitutedText) return 'string'
  if (Array.isArray(value)) return 'list'
  return value === null ? 'null' : typeof value
}

function jsonTypes(rule: Rule): readonly string[] {
  switch (rule.is) {
    case 'text':
      return rule.kind.number ? ['string', 'number'] : ['string']
    case 'choice':
      return ['string']
    case 'list':
      return ['list']
    case 'number':
    case 'boolean':
      return [rule.is]
    case 'json':
      return ['string', 'number', 'boolean', 'list', 'object', 'null']
    default:
      return ['object']
  }
}

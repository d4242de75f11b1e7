/**
 * Methods of the language as functions, taken before the script ran: whatever
 * a script puts in their place is not called from here.
 */
const { apply } = Reflect

function taken<This, Args extends readonly unknown[], Result>(
  method: (this: This, ...args: Args) => Result,
): (self: This, ...args: Args) => Result {
  return (self, ...args) => apply(method, self, args)
}

const { toString: numberToText } = Number.prototype
const text = String.prototype
const array = Array.prototype

/** The part of a text from one place up to another. */
export const slice = taken<string, [from: number, to?: number], string>(text.slice)
/** Where one text is in another, from a place on; -1 for nowhere. */
export const indexOf = taken<string, [text: string, from?: number], number>(text.indexOf)
/** Where one text is last in another, up to a place; -1 for nowhere. */
export const lastIndexOf = taken<string, [text: string, upTo?: number], number>(text.lastIndexOf)
/** One UTF-16 unit of a text; NaN beyond its end. */
export const unitAt = taken<string, [at: number], number>(text.charCodeAt)
/** The pieces of a text between separators, at most so many. */
export const split = taken<string, [separator: string, most?: number], string[]>(
  text.split as (separator: string, most?: number) => string[],
)
/** A text in lower case. */
export const lowerCase = taken<string, [], string>(text.toLowerCase)
/** A text without space around it. */
export const trim = taken<string, [], string>(text.trim)
/** A text without space before it. */
export const trimStart = taken<string, [], string>(text.trimStart)
/** A text without space behind it. */
export const trimEnd = taken<string, [], string>(text.trimEnd)
/** A text so many times. */
export const repeat = taken<string, [times: number], string>(text.repeat)
/** A text made longer from the front. */
export const padStart = taken<string, [length: number, by: string], string>(text.padStart)
/** A whole number in base 16. */
export const hexadecimal = (number: number): string => apply(numberToText, number, [16])
/** Texts in one, with a separator between them. */
export const join = taken<readonly string[], [separator: string], string>(array.join)
/** A copy of an array. */
export const copied: <T>(list: readonly T[]) => T[] = taken<readonly unknown[], [], never>(
  array.slice as unknown as () => never,
)
/** Takes the last element away. */
export const pop: <T>(list: T[]) => T | undefined = taken<unknown[], [], never>(array.pop as () => never)
/** Whether an array has an element. */
export const includes: <T>(list: readonly T[], element: unknown) => boolean = taken<
  readonly unknown[],
  [element: unknown],
  boolean
>(array.includes)
/** Whether a property is an object's own, and can be listed. */
export const hasOwn: (object: object, name: PropertyKey) => boolean = Object.hasOwn
/** What a pattern finds in a text; null for nothing. */
export const exec = taken<RegExp, [text: string], RegExpExecArray | null>(RegExp.prototype.exec)

const map = Map.prototype

/** The value of a key. */
export const getKey: <K, V>(known: Map<K, V>, key: K) => V | undefined = taken<
  Map<unknown, unknown>,
  [key: unknown],
  never
>(map.get as () => never)
/** Sets the value of a key. */
export const setKey: <K, V>(known: Map<K, V>, key: K, value: V) => void = taken<
  Map<unknown, unknown>,
  [key: unknown, value: unknown],
  unknown
>(map.set)
/** Whether there is a key. */
export const hasKey: <K, V>(known: Map<K, V>, key: K) => boolean = taken<
  Map<unknown, unknown>,
  [key: unknown],
  boolean
>(map.has)
/** Removes a key; whether it was there. */
export const deleteKey: <K, V>(known: Map<K, V>, key: K) => boolean = taken<
  Map<unknown, unknown>,
  [key: unknown],
  boolean
>(map.delete)
/** The key that has been there for longest; undefined for none. */
export function firstKey<K, V>(known: Map<K, V>): K | undefined {
  return apply(nextOf, apply(keysOf, known, []), []).value as K | undefined
}
const keysOf = map.keys
const nextOf = new Map().keys().next

/** Whether a pattern is found in a text. */
export function matches(pattern: RegExp, subject: string): boolean {
  return exec(pattern, subject) !== null
}

const { fromCodePoint } = String
const { isArray } = Array
const { keys, entries, defineProperty, freeze, create } = Object
const { parse, stringify } = JSON
const { ceil, floor, trunc, min, max, imul } = Math
const { isInteger, isFinite: isFiniteNumber } = Number
const { now } = Date
const encodeComponent = encodeURIComponent
const decodeText = decodeURIComponent

export {
  ceil,
  create,
  decodeText,
  defineProperty,
  encodeComponent,
  entries,
  floor,
  freeze,
  fromCodePoint,
  imul,
  isArray,
  isFiniteNumber,
  isInteger,
  keys,
  max,
  min,
  now,
  parse,
  stringify,
  trunc,
}

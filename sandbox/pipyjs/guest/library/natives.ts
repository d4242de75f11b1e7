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
/** A text without space behind it. */
export const trimEnd = taken<string, [], string>(text.trimEnd)
/** A text so many times. */
export const repeat = taken<string, [times: number], string>(text.repeat)
/** A text made longer from the front. */
export const padStart = taken<string, [length: number, by: string], string>(text.padStart)
/** Texts in one, with a separator between them. */
export const join = taken<readonly string[], [separator: string], string>(array.join)
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

/** Whether a pattern is found in a text. */
export function matches(pattern: RegExp, subject: string): boolean {
  return exec(pattern, subject) !== null
}

const { fromCodePoint, fromCharCode } = String
const { isArray } = Array
const { keys, entries, defineProperty, freeze, create } = Object
const { parse, stringify } = JSON
const { floor, min, max, imul } = Math
const { isFinite: isFiniteNumber, isInteger } = Number

export {
  create,
  defineProperty,
  entries,
  floor,
  freeze,
  fromCharCode,
  fromCodePoint,
  imul,
  isArray,
  isFiniteNumber,
  isInteger,
  keys,
  max,
  min,
  parse,
  stringify,
}

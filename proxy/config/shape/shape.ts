/** What a text kind makes of a text: a value, or why it can't. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string }

/** A kind of text with its own grammar, such as an address or a duration. */
export interface TextKind<T> {
  /** For messages: "expected " + what. */
  readonly what: string
  readonly parse: (text: string) => Parsed<T>
  /** Roughly the same for editors: a JSON Schema pattern, or null. */
  readonly pattern: string | null
  /** How a value is written, for the defaults in the JSON Schema. */
  readonly write: (value: T) => string
  /** Numbers from 0 to `max` that may be written in place of text; else null. */
  readonly number: { readonly max: number; readonly parse: (value: number) => Parsed<T> } | null
}

/** How one value of a config must look. From it come both the parser and the JSON Schema. */
export type Rule =
  | { readonly is: 'text'; readonly kind: TextKind<unknown> }
  | { readonly is: 'number'; readonly isInteger: boolean; readonly min: number; readonly max: number }
  | { readonly is: 'boolean' }
  | { readonly is: 'choice'; readonly values: readonly string[] }
  | { readonly is: 'list'; readonly of: Rule; readonly min: number }
  | { readonly is: 'map'; readonly key: TextKind<string>; readonly of: Rule; readonly min: number }
  | {
      readonly is: 'object'
      readonly name: string
      readonly fields: Readonly<Record<string, Field<unknown>>>
    }
  | { readonly is: 'either'; readonly of: readonly Rule[] }
  | { readonly is: 'nullable'; readonly of: Rule }
  | { readonly is: 'json' }

/** A rule, and the type of what it lets through. */
export interface Shape<T> {
  readonly rule: Rule
  /** Never there; carries the type. */
  readonly type?: T
}

/** The type of what a shape lets through. */
export type Read<S> = S extends Shape<infer T> ? T : never

/** One key of an object. */
export interface Field<T> {
  readonly shape: Shape<unknown>
  readonly description: string
  readonly isRequired: boolean
  /** The value when the key is missing. */
  readonly fallback: T
}

type ReadFields<F> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never }

/** Text with a grammar of its own. */
export const text = <T>(kind: TextKind<T>): Shape<T> => ({
  rule: { is: 'text', kind: kind as TextKind<unknown> },
})

/** A whole number from `min` to `max`. */
export const integer = (min: number, max = Number.MAX_SAFE_INTEGER): Shape<number> => ({
  rule: { is: 'number', isInteger: true, min, max },
})

/** A number from `min` to `max`. */
export const number = (min: number, max = Number.MAX_VALUE): Shape<number> => ({
  rule: { is: 'number', isInteger: false, min, max },
})

/** True or false. */
export const boolean: Shape<boolean> = { rule: { is: 'boolean' } }

/** Anything at all, kept as it is. */
export const json: Shape<unknown> = { rule: { is: 'json' } }

/** Also null, where null means something. */
export const nullable = <T>(of: Shape<T>): Shape<T | null> => ({ rule: { is: 'nullable', of: of.rule } })

/** One of several words. */
export const choice = <const V extends string>(values: readonly V[]): Shape<V> => ({
  rule: { is: 'choice', values },
})

/** A list with at least `min` items. */
export const list = <T>(of: Shape<T>, min = 0): Shape<readonly T[]> => ({
  rule: { is: 'list', of: of.rule, min },
})

/** An object whose keys are data, with at least `min` of them. */
export const map = <T>(key: TextKind<string>, of: Shape<T>, min = 0): Shape<Readonly<Record<string, T>>> => ({
  rule: { is: 'map', key, of: of.rule, min },
})

/** An object with known keys. `name` is what its definition in the JSON Schema is called; unique. */
export const object = <const F extends Readonly<Record<string, Field<unknown>>>>(
  name: string,
  fields: F,
): Shape<ReadFields<F>> => ({ rule: { is: 'object', name, fields } })

/** One of several that can be told apart by their JSON types. */
export const either = <const S extends readonly Shape<unknown>[]>(...of: S): Shape<Read<S[number]>> => ({
  rule: { is: 'either', of: of.map((shape) => shape.rule) },
})

/** A key that must be there. */
export const required = <T>(shape: Shape<T>, description: string): Field<T> => ({
  shape,
  description,
  isRequired: true,
  // Never taken: an object without a required key is not let through.
  fallback: undefined as T,
})

/** A key that may be missing, and is null then. */
export const optional = <T>(shape: Shape<T>, description: string): Field<T | null> => ({
  shape,
  description,
  isRequired: false,
  fallback: null,
})

/** A key that may be missing, and has a value of its own then. */
export const withDefault = <T>(shape: Shape<T>, fallback: T, description: string): Field<T> => ({
  shape,
  description,
  isRequired: false,
  fallback,
})

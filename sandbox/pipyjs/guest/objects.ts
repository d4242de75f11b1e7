import { host } from './host.ts'

const { parse } = JSON

/** Tokens from here on are those of objects that the script itself made. */
const ownTokens = 2 ** 40

/** What the host says of an object: its value, and where in it stand objects that have tokens of their own. */
export interface Description {
  readonly value: unknown
  /** Each a path with a token at its end. */
  readonly links: readonly (readonly (string | number)[])[]
}

/** Objects of the config live as long as the script does. */
const lasting = new Map<number, object>()
/** Others, such as connections, as long as somebody holds them. */
const passing = new Map<number, WeakRef<object>>()
const forgotten = new FinalizationRegistry<number>((token) => {
  if (passing.get(token)?.deref() === undefined) passing.delete(token)
})

const keys = new WeakMap<object, number>()
let lastKey = 0

/** The object of a token: always the same for as long as anybody could tell. */
export function objectOf(token: number): object {
  const known = token > 0 && token < ownTokens ? lasting.get(token) : passing.get(token)?.deref()
  return known ?? materialise(token)
}

/** A number for an object of the script's, the same each time. */
export function keyOf(object: object): number {
  let key = keys.get(object)
  if (key === undefined) {
    lastKey += 1
    key = lastKey
    keys.set(object, key)
  }
  return key
}

/** Remembers that the host knows an object of the script's by its key. */
export function handedOver(object: object, key: number): void {
  remember(ownTokens + key, object)
}

function materialise(token: number): object {
  const { value, links } = parse(host.describe(token)) as Description
  const object = value as object
  if (token > 0 && token < ownTokens) lasting.set(token, object)
  else remember(token, object)
  for (const link of links) setLink(object, link)
  return object
}

function remember(token: number, object: object): void {
  passing.set(token, new WeakRef(object))
  forgotten.register(object, token)
}

function setLink(root: object, link: readonly (string | number)[]): void {
  let at = root as Record<string | number, unknown>
  const last = link.length - 2
  for (let step = 0; step < last; step += 1) at = at[link[step] as string] as Record<string, unknown>
  const value = objectOf(link[last + 1] as number)
  // Defined, not assigned: a config can have any key.
  Object.defineProperty(at, link[last] as string, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

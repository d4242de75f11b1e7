import { deleteKey, entries, firstKey, getKey, isArray, setKey, trunc } from './natives.ts'

/** How many keys a load balancer remembers the target of: they often come from clients. */
const maxKeys = 10_000

/** A target and its share. */
export interface Weighted {
  readonly id: string
  readonly weight: number
}

/** What scripts give as targets: an array of names, or an object of their weights. */
export function readTargets(given: unknown): Weighted[] {
  const targets: Weighted[] = []
  if (given === undefined || given === null) return targets
  if (typeof given !== 'object') {
    throw new TypeError('targets are an array of names, or an object of names and weights')
  }
  if (isArray(given)) {
    for (let at = 0; at < given.length; at += 1) targets[at] = { id: String(given[at]), weight: 1 }
    return targets
  }
  const pairs = entries(given)
  for (let at = 0; at < pairs.length; at += 1) {
    const pair = pairs[at] as [string, unknown]
    targets[at] = { id: pair[0], weight: weightOf(pair[1]) }
  }
  return targets
}

/** A weight: a whole number, and 0 for what is none. */
export function weightOf(value: unknown): number {
  const number = trunc(Number(value))
  return number > 0 ? number : 0
}

/** Which targets keys were given, those used last. */
export class TargetsByKey {
  readonly #known = new Map<unknown, string>()

  get(key: unknown): string | undefined {
    return key === undefined ? undefined : getKey(this.#known, key)
  }

  set(key: unknown, target: string): void {
    if (key === undefined) return
    deleteKey(this.#known, key)
    setKey(this.#known, key, target)
    if (this.#known.size > maxKeys) deleteKey(this.#known, firstKey(this.#known))
  }
}

import { type HeaderMap, status } from '../contract.ts'

/** A map of names and values in turn that cannot be changed: what a call-out brought. Names are lower-case. */
export function readOnlyMap(pairs: readonly string[]): HeaderMap {
  const refuse = () => status.badArgument
  return {
    get(name) {
      const wanted = name.toLowerCase()
      const at = pairs.findIndex((text, index) => index % 2 === 0 && text === wanted)
      return at < 0 ? undefined : pairs[at + 1]
    },
    pairs: () => pairs,
    size: pairs.length / 2,
    add: refuse,
    replace: refuse,
    remove: refuse,
    set: refuse,
  }
}

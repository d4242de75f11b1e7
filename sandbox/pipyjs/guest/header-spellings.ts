import { host } from './host.ts'
import { touch } from './touched.ts'

const { parse, stringify } = JSON

/** The property of a head that says how the names of its headers are spelt. */
export const spellingsName = 'headerNames'

/**
 * The spellings of a head of the host, by the names in lower case that they
 * differ from. They are kept among its extras, where they are not listed; what
 * the script changes in them counts. `forget` is called when the call has failed.
 */
export function spellingsOf(
  head: number,
  extrasOf: () => Record<string, unknown>,
  forget: () => void,
): unknown {
  let settle = (): void => {}
  // first: it is by this that those of a call that failed are forgotten
  touch({ settle: () => settle(), drop: forget })
  const extras = extrasOf()
  if (!(spellingsName in extras)) {
    const value: unknown = parse(host.headerSpellings(head))
    Object.defineProperty(extras, spellingsName, { value, writable: true, configurable: true })
  }
  const names = extras[spellingsName]
  const before = stringify(names)
  settle = () => {
    const after = stringify(names)
    if (after !== before && extras[spellingsName] === names) host.setHeadExtra(head, spellingsName, after)
  }
  return names
}

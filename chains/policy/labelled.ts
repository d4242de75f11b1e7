/** Something of the config that metrics are counted by. */
interface Named {
  readonly name: string
}

/**
 * Things made once for each name, and found by the identity of the object that
 * bears it, so that a request costs one look-up and builds no string.
 *
 * At most `maxNames` names are told apart, because plugins may bring objects of
 * their own; all others share what is made for `other`. Null is the empty name.
 */
export function labelled<Value>(
  make: (name: string) => Value,
  maxNames = 10_000,
): (key: Named | null) => Value {
  const byKey = new WeakMap<Named, Value>()
  const byName = new Map<string, Value>()

  const ofName = (name: string): Value => {
    const known = byName.get(name)
    if (known) return known
    const label = byName.size < maxNames ? name : 'other'
    const value = byName.get(label) ?? make(label)
    byName.set(label, value)
    return value
  }

  return (key) => {
    if (!key) return ofName('')
    const known = byKey.get(key)
    if (known) return known
    const value = ofName(key.name)
    byKey.set(key, value)
    return value
  }
}

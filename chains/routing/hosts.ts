/** Longest Host header that a wildcard is tried on: the longest name there is (RFC 1035), and a port. */
const longestName = 260

/** Finds what belongs to a `Host` header. One look-up in the usual case, and bounded work in every other. */
export class HostTable<T> {
  readonly #isFlexible: boolean
  readonly #names = new Map<string, T>()
  /** By what follows the `*`, with its leading dot. */
  readonly #wildcards = new Map<string, T>()
  readonly #any: T | undefined
  /** The last header asked for, and what it found: most come in rows, and comparing is cheaper than hashing. */
  #lastHost = ''
  #lastFound: T | undefined

  /** `hosts` as in `HttpRules.hosts`: lower case, `*` and `*.domain` among them. */
  constructor(hosts: Iterable<readonly [host: string, value: T]>, matching: 'exact' | 'flexible') {
    this.#isFlexible = matching === 'flexible'
    let any: T | undefined
    for (const [host, value] of hosts) {
      if (host === '*') any = value
      else if (this.#isFlexible && host.startsWith('*.')) this.#wildcards.set(host.slice(1), value)
      else this.#names.set(host, value)
    }
    this.#any = any
    this.#lastFound = this.#search('')
  }

  /** What the table has for `*`. Where matching is exact, only those who may use it ask. */
  get any(): T | undefined {
    return this.#any
  }

  /**
   * Exact matching takes the header as it is but for its case. Flexible
   * matching goes from the particular to the general: with its port, without,
   * the longest wildcard, `*`.
   */
  find(host: string): T | undefined {
    if (host === this.#lastHost) return this.#lastFound
    const found = this.#search(host)
    if (host.length <= longestName) {
      this.#lastHost = host
      this.#lastFound = found
    }
    return found
  }

  #search(host: string): T | undefined {
    const found = this.#names.get(host)
    if (found !== undefined) return found
    const lower = host.toLowerCase()
    if (!this.#isFlexible) return lower === host ? undefined : this.#names.get(lower)
    const bare = withoutPort(lower)
    return (
      this.#names.get(lower) ??
      this.#names.get(bare) ??
      this.#findWildcard(lower) ??
      (bare === lower ? undefined : this.#findWildcard(bare)) ??
      this.#any
    )
  }

  #findWildcard(host: string): T | undefined {
    if (this.#wildcards.size === 0 || host.length > longestName) return undefined
    // from the first dot on: the longest rest comes first; the `*` stands for one character or more
    for (let dot = host.indexOf('.', 1); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const found = this.#wildcards.get(host.slice(dot))
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** Cuts `:port` off; brackets of an IPv6 address stay. */
function withoutPort(host: string): string {
  const colon = host.lastIndexOf(':')
  if (colon < 0 || host.endsWith(']')) return host
  return host.startsWith('[') || host.indexOf(':') === colon ? host.slice(0, colon) : host
}

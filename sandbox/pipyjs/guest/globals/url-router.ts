/** The values of one host: by exact path, and by the part before `/*`, longest first. */
interface Site {
  readonly exact: Map<string, unknown>
  readonly prefixes: [prefix: string, value: unknown][]
}

/** Finds a value by host and path. A pattern is a host, `*.domain` or nothing, and a path that may end in `/*`. */
export class URLRouter {
  readonly #sites = new Map<string, Site>()

  constructor(patterns?: Record<string, unknown>) {
    for (const [pattern, value] of Object.entries(patterns ?? {})) this.add(pattern, value)
  }

  /** Adds a pattern, in place of the same one. */
  add(pattern: unknown, value: unknown): void {
    const text = String(pattern)
    const slash = text.indexOf('/')
    const host = text.slice(0, Math.max(0, slash)).toLowerCase()
    if (slash < 0 || host.includes(':')) {
      throw new TypeError(
        `${JSON.stringify(text)} is no pattern: it would be a host without a port, and a path`,
      )
    }
    const path = text.slice(slash)
    const site = this.#site(host)
    if (!path.endsWith('/*')) {
      site.exact.set(path, value)
      return
    }
    const prefix = path.slice(0, -1)
    const kept = site.prefixes.filter(([known]) => known !== prefix)
    site.prefixes.length = 0
    site.prefixes.push(...kept, [prefix, value])
    site.prefixes.sort(([a], [b]) => b.length - a.length)
  }

  /** The value for a URL in parts, which are joined by slashes; undefined for none. */
  find(...parts: unknown[]): unknown {
    const [host, path] = split(parts)
    const dot = host.indexOf('.')
    const wildcard = dot < 0 ? '*' : `*${host.slice(dot)}`
    for (const name of [host, wildcard, '']) {
      const site = this.#sites.get(name)
      if (site === undefined) continue
      if (site.exact.has(path)) return site.exact.get(path)
      const found = site.prefixes.find(([prefix]) => path.startsWith(prefix))
      if (found !== undefined) return found[1]
    }
    return undefined
  }

  #site(host: string): Site {
    let site = this.#sites.get(host)
    if (site === undefined) {
      site = { exact: new Map(), prefixes: [] }
      this.#sites.set(host, site)
    }
    return site
  }
}

/** Host in lower case without its port, and path without its query. */
function split(parts: readonly unknown[]): [host: string, path: string] {
  const texts = parts.filter((part) => part !== undefined && part !== null).map(String)
  let url = texts[0] ?? ''
  for (const text of texts.slice(1)) {
    url = `${url.endsWith('/') ? url.slice(0, -1) : url}/${text.startsWith('/') ? text.slice(1) : text}`
  }
  const query = url.indexOf('?')
  const whole = query < 0 ? url : url.slice(0, query)
  const slash = whole.indexOf('/')
  const authority = slash < 0 ? whole : whole.slice(0, slash)
  return [authority.replace(/:\d*$/, '').toLowerCase(), slash < 0 ? '/' : whole.slice(slash)]
}

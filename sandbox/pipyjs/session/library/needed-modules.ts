/** The modules of a guest, by name. */
type Modules = Readonly<Record<string, string>>

/** By which words a script names what a group of globals has. */
const groups: Readonly<Record<string, RegExp>> = {
  'library/groups/addresses': /\b(?:IP|IPEndpoint|IPMask|Netmask)\b/,
  'library/groups/crypto': /\bcrypto\b/,
  'library/groups/http': /\bhttp\b/,
  'library/groups/logging': /\blogging\b/,
  'library/groups/stats': /\bstats\b/,
  'library/groups/urls': /\bURL(?:SearchParams)?\b/,
  'library/groups/xml': /\bXML\b/,
  'library/groups/yaml': /\bYAML\b/,
  'library/groups/zlib': /\bzlib\b/,
  // Caches and routers are always there.
  'library/algo': /\balgo\b(?!\s*\.\s*(?:Cache|URLRouter|uuid)\b)/,
}

const nothing = 'export function install() {}\nexport const libraryAlgo = {}\n'

/**
 * The modules that a script needs: groups of globals that it does not name are
 * empty, for parsing all of them takes longer than everything else that a guest does to start.
 */
export function neededModules(modules: Modules, source: string): Modules {
  // A name can be written in escapes, which nobody does.
  if (source.includes('\\u')) return modules
  const unneeded = Object.keys(modules).filter((name) => {
    const words = groups[name.replace(/\.[jt]s$/, '')]
    return words !== undefined && !words.test(source)
  })
  if (unneeded.length === 0) return modules
  return { ...modules, ...Object.fromEntries(unneeded.map((name) => [name, nothing])) }
}

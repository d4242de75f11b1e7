import { posix } from 'node:path'
import type { SourceFile } from './tree.ts'

/** Folders by the layer they are in. A file may import from its own layer and from those below. */
const layers: Readonly<Record<string, number>> = { chains: 0, sandbox: 1, proxy: 2, hub: 3, cli: 4 }

/** What `chains/` may take of Node: pure code only. `node:net` lends its address arithmetic. */
const pureModules: Readonly<Record<string, readonly string[] | 'all'>> = {
  'node:buffer': 'all',
  'node:crypto': ['randomBytes', 'randomUUID', 'createHash'],
  'node:stream': 'all',
  'node:net': ['BlockList', 'isIP', 'isIPv4', 'isIPv6', 'SocketAddress'],
  'node:util': 'all',
}

interface Import {
  readonly from: string
  /** The names taken, or null for all of them. */
  readonly names: readonly string[] | null
  readonly line: number
}

/** Imports that point up, or sideways into tests; and what `chains/` may not touch. */
export function importFaults(sources: readonly SourceFile[]): string[] {
  const faults: string[] = []
  for (const source of sources) {
    const imports = importsOf(source)
    for (const entry of imports) {
      const where = `${source.path}:${entry.line}`
      const reason = layerFault(source.path, entry) ?? purityFault(source.path, entry)
      if (reason) faults.push(`${where}: ${reason}`)
    }
    faults.push(...timerFaults(source))
  }
  return faults
}

/**
 * Circles in the graph of imports. Imports of types alone count too: a circle
 * of types is still two files that cannot be understood apart.
 */
export function circleFaults(sources: readonly SourceFile[]): string[] {
  const graph = new Map(
    sources.map((source) => [
      source.path,
      importsOf(source).flatMap(({ from }) => resolveImport(source.path, from) ?? []),
    ]),
  )
  const done = new Set<string>()
  const trail: string[] = []
  const faults: string[] = []
  const visit = (path: string): void => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      faults.push(`${path}: import circle: ${[...trail.slice(start), path].join(' → ')}`)
      return
    }
    if (done.has(path)) return
    trail.push(path)
    for (const next of graph.get(path) ?? []) visit(next)
    trail.pop()
    done.add(path)
  }
  for (const path of graph.keys()) visit(path)
  return faults
}

function layerFault(path: string, { from }: Import): string | null {
  const target = resolveImport(path, from)
  if (target === null) return null
  const own = layers[topFolder(path)]
  if (own === undefined || isTest(path)) return null
  const other = layers[topFolder(target)]
  if (other === undefined)
    return `${topFolder(path)}/ may not import ${target}, which is not part of the program`
  if (other > own)
    return `${topFolder(path)}/ may not import ${target}: layers point to chains/, not away from it`
  return isTest(target) ? `${target} is for tests only` : null
}

function purityFault(path: string, { from, names }: Import): string | null {
  if (topFolder(path) !== 'chains' || isTest(path) || from.startsWith('.')) return null
  const allowed = pureModules[from]
  if (!allowed) return `chains/ may not import ${from}`
  if (allowed === 'all') return null
  const wrong = names?.filter((name) => !allowed.includes(name)) ?? ['everything']
  return wrong.length ? `chains/ may not import ${wrong.join(', ')} of ${from}` : null
}

function timerFaults({ path, text }: SourceFile): string[] {
  if (topFolder(path) !== 'chains' || isTest(path)) return []
  return text.split('\n').flatMap((line, index) => {
    const found =
      /(?<![.\w])(setTimeout|setInterval|setImmediate|process|fetch|Date\.now|Math\.random)\s*[(.]/.exec(line)
    const isComment = /^\s*(\*|\/\/|\/\*)/.test(line)
    return found && !isComment ? [`${path}:${index + 1}: chains/ may not use ${found[1]}; Tools has it`] : []
  })
}

function importsOf({ text }: SourceFile): Import[] {
  const found: Import[] = []
  const pattern =
    /^(?:import|export)\s+(?:type\s+)?(?:([^'"`;]*?)\s*from\s*)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm
  for (const match of text.matchAll(pattern)) {
    const from = match[2] ?? match[3]
    if (!from) continue
    const line = text.slice(0, match.index).split('\n').length
    found.push({ from, names: namesIn(match[1]), line })
  }
  return found
}

function namesIn(clause: string | undefined): string[] | null {
  const list = clause && /\{([^}]*)\}/.exec(clause)?.[1]
  if (!list) return null
  const names = list.split(',').map((name) =>
    name
      .trim()
      .replace(/^type\s+/, '')
      .replace(/\s+as\s.*$/, ''),
  )
  return names.filter(Boolean)
}

function resolveImport(path: string, from: string): string | null {
  return from.startsWith('.') ? posix.join(posix.dirname(path), from) : null
}

function topFolder(path: string): string {
  return path.slice(0, path.indexOf('/'))
}

/** Tests, and what only tests use. */
function isTest(path: string): boolean {
  return /\.test\.ts$|\/(testing|fixtures)(\/|\.ts$)/.test(path)
}

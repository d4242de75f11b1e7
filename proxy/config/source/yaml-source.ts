import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseAllDocuments,
  parseDocument,
  Scalar,
  type YAMLParseError,
  type YAMLWarning,
} from 'yaml'
import { configLimits } from '../defaults.ts'
import { type Fault, formatPath, oneLine, type Path, show } from '../fault.ts'
import type { Locator, Place } from '../fault-list.ts'
import {
  positionOf,
  positionsOf,
  type Source,
  type SourceResult,
  SubstitutedText,
  type Unparsed,
  unreadable,
} from './source.ts'
import { substitute } from './substitute.ts'
import { type TextPlace, textPlaceOf } from './text-place.ts'

const tooDeep = 'is nested too deeply'

type Environment = Readonly<Record<string, string | undefined>>

/** One of the documents of a file. */
export interface YamlDocument extends Source {
  /** Where the lines of the text at `path` stand, when they stand there line by line. */
  readonly textPlace: (path: Path) => TextPlace | null
}

/** The documents of a file, or why there are none. */
export type DocumentsResult = { readonly ok: true; readonly documents: readonly YamlDocument[] } | Unparsed

/** Parses one YAML 1.2 document and puts the environment into its texts. Never throws. */
export function parseYaml(file: string, text: string, env: Environment): SourceResult {
  const result = parseText(file, text, () => [parseDocument(text, parserOptions)], new YamlReading(env))
  if (!result.ok) return result
  const [source] = result.documents
  return { ok: true, source: source ?? { root: null, locate: () => [], faults: [] } }
}

/** Parses a file of any number of YAML 1.2 documents. The environment is left out of it. Never throws. */
export function parseYamlDocuments(file: string, text: string): DocumentsResult {
  return parseText(file, text, () => [...parseAllDocuments(text, parserOptions)], new YamlReading(null))
}

const parserOptions = {
  version: '1.2',
  // The parser's own check compares each key with all others.
  uniqueKeys: false,
  prettyErrors: false,
  // With `silent`, further documents would be dropped without a word.
  logLevel: 'error',
} as const

function parseText(
  file: string,
  text: string,
  parse: () => readonly Document.Parsed[],
  reading: YamlReading,
): DocumentsResult {
  if (text.length > configLimits.maxYamlLength) {
    const message = `is too large for YAML: at most ${configLimits.maxYamlLength} characters are read`
    return { ok: false, faults: [{ file, line: 0, column: 0, path: '', message }], topKeys: null }
  }
  try {
    const parsed = parse()
    const faults = syntaxFaults(file, text, parsed)
    if (faults.length > 0) return { ok: false, faults, topKeys: topKeysOf(parsed[0]?.contents) }
    return { ok: true, documents: parsed.map((document) => readDocument(file, text, document, reading)) }
  } catch {
    // The parser recurses, so that text which only opens brackets ends its stack.
    return { ok: false, faults: [{ file, line: 1, column: 1, path: '', message: tooDeep }], topKeys: null }
  }
}

/** What is not YAML at all, or else every word of YAML that is not known here. */
function syntaxFaults(file: string, text: string, documents: readonly Document.Parsed[]): readonly Fault[] {
  const errors = documents.flatMap((document) => document.errors)
  const warnings = documents.flatMap((document) => document.warnings)
  if (errors.some((problem) => problem.message.includes('call stack'))) throw new Error(tooDeep)
  // What comes after the first error is mostly the parser's own confusion.
  const problems = errors.length > 0 ? errors.slice(0, 1) : warnings.slice(0, configLimits.maxSyntaxFaults)
  return problems.map((problem): Fault => {
    const position = positionOf(text, Math.min(problem.pos[0], text.length))
    return { file, ...position, path: '', message: problemText(problem) }
  })
}

const maxProblemLength = 160

function problemText({ code, message }: YAMLParseError | YAMLWarning): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here: a config is one document'
  const text = oneLine(message)
  // The parser likes to quote what it found, however long that is.
  return `is not YAML: ${text.length > maxProblemLength ? `${text.slice(0, maxProblemLength)}…` : text}`
}

function topKeysOf(contents: unknown): readonly string[] {
  return isMap(contents) ? contents.items.flatMap((item) => keyOf(item) ?? []) : []
}

function readDocument(
  file: string,
  text: string,
  document: Document.Parsed,
  reading: YamlReading,
): YamlDocument {
  const { root, faults } = reading.readRoot(document.contents)
  return {
    root,
    locate: yamlLocator(document, text),
    faults: faults.map(({ offset, path, message }): Fault => {
      return { file, ...positionOf(text, offset), path: formatPath(path), message: oneLine(message) }
    }),
    textPlace: (path) => textPlaceOf(text, document, path),
  }
}

interface ReadingFault {
  readonly offset: number
  readonly path: Path
  readonly message: string
}

/** Turns the nodes of the documents of a file into plain values, as many as one file may have. */
class YamlReading {
  readonly #env: Environment | null
  readonly #anchors = new Map<string, Node>()
  readonly #anchored = new Set<Node>()
  readonly #targets = new Map<Alias, Node>()
  #faults: ReadingFault[] = []
  #nodesLeft = configLimits.maxYamlNodes
  /** `env` is what `${NAME}` stands for; without it that is text as any other. */
  constructor(env: Environment | null) {
    this.#env = env
  }

  readRoot(node: unknown): { readonly root: unknown; readonly faults: readonly ReadingFault[] } {
    this.#faults = []
    // Anchors are known in their own document only.
    this.#anchors.clear()
    return { root: this.#read(node, []), faults: this.#faults }
  }

  #read(node: unknown, path: Path): unknown {
    if (path.length > configLimits.maxDepth) return this.#refuse(node, path, tooDeep)
    this.#nodesLeft -= 1
    if (this.#nodesLeft === 0)
      return this.#refuse(node, path, 'the document is too large with its aliases put in')
    if (this.#nodesLeft < 0) return unreadable
    if (isAlias(node)) return this.#read(this.#targetOf(node), path)
    if (isNode(node) && 'anchor' in node && node.anchor && !this.#anchored.has(node)) {
      this.#anchored.add(node)
      this.#anchors.set(node.anchor, node)
    }
    if (isMap(node)) return this.#readMap(node.items, path)
    if (isSeq(node)) return node.items.map((item, i) => this.#read(item, [...path, i]))
    if (isScalar(node)) return this.#readScalar(node, path)
    return null
  }

  /** What an alias stands for: the last node of that anchor before it, in the order of the text. */
  #targetOf(alias: Alias): Node | null {
    const known = this.#targets.get(alias)
    if (known) return known
    const target = this.#anchors.get(alias.source) ?? null
    if (target) this.#targets.set(alias, target)
    return target
  }

  #readMap(items: readonly Pair[], path: Path): unknown {
    const entries = new Map<string, unknown>()
    for (const item of items) {
      const key = keyOf(item)
      if (key === null) this.#refuse(item.key, path, 'a key must be a plain word')
      else if (key === '__proto__') this.#refuse(item.key, [...path, key], 'is not a name that can be used')
      else if (entries.has(key))
        this.#refuse(item.key, [...path, key], `the key ${show(key)} stands here twice`)
      else entries.set(key, this.#read(item.value, [...path, key]))
    }
    return Object.fromEntries(entries)
  }

  #readScalar(node: Scalar, path: Path): unknown {
    if (typeof node.value !== 'string' || this.#env === null) return node.value
    const result = substitute(node.value, this.#env)
    if (!result.ok) return this.#refuse(node, path, result.message)
    // Quotes say that text is meant; a bare word may become a number or a boolean.
    if (result.isChanged && node.type === Scalar.PLAIN) return new SubstitutedText(result.text)
    return result.text
  }

  #refuse(node: unknown, path: Path, message: string): typeof unreadable {
    if (this.#faults.length < configLimits.maxSyntaxFaults) {
      this.#faults.push({ offset: startOf(node as Node) ?? 0, path, message })
    }
    return unreadable
  }
}

/** The text of a key as it was written, or null when it is no scalar. */
function keyOf(item: Pair): string | null {
  if (!isScalar(item.key)) return null
  const { value, source } = item.key
  return typeof value === 'string' ? value : (source ?? String(value))
}

function startOf(node: Node | null | undefined): number | null {
  return node?.range?.[0] ?? null
}

function yamlLocator(document: Document.Parsed, text: string): Locator {
  return (places) =>
    positionsOf(
      text,
      places.map((place) => offsetOf(document, place)),
    )
}

/** The nearest place that exists: a missing key is reported where its map stands. */
function offsetOf(document: Document.Parsed, place: Place): number {
  let node: unknown = document.contents
  let offset = startOf(document.contents) ?? 0
  let keyOffset = offset
  for (const step of place.path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find((item) => keyOf(item) === String(step))
      if (!pair) return offset
      keyOffset = startOf(pair.key as Node) ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(step)]
      keyOffset = startOf(node as Node) ?? offset
    } else return offset
    offset = startOf(node as Node) ?? keyOffset
  }
  return place.at === 'key' ? keyOffset : offset
}

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
} from 'yaml'
import { configLimits } from '../defaults.ts'
import { type Fault, formatPath, oneLine, type Path, show } from '../fault.ts'
import type { Locator, Place } from '../fault-list.ts'
import { positionOf, positionsOf, type SourceResult, SubstitutedText, unreadable } from './source.ts'
import { substitute } from './substitute.ts'

const tooDeep = 'is nested too deeply'

type Environment = Readonly<Record<string, string | undefined>>

/** Parses one YAML 1.2 document and puts the environment into its texts. Never throws. */
export function parseYaml(file: string, text: string, env: Environment): SourceResult {
  if (text.length > configLimits.maxYamlLength) {
    const message = `is too large for YAML: at most ${configLimits.maxYamlLength} characters are read`
    return { ok: false, faults: [{ file, line: 0, column: 0, path: '', message }] }
  }
  try {
    return parseDocumentOf(file, text, env)
  } catch {
    // The parser recurses, so that text which only opens brackets ends its stack.
    return { ok: false, faults: [{ file, line: 1, column: 1, path: '', message: tooDeep }] }
  }
}

function parseDocumentOf(file: string, text: string, env: Environment): SourceResult {
  const document = parseDocument(text, {
    version: '1.2',
    // The parser's own check compares each key with all others.
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: new LineCounter(),
    // With `silent`, further documents would be dropped without a word.
    logLevel: 'error',
  })
  const problems = [...document.errors, ...document.warnings].slice(0, configLimits.maxSyntaxFaults)
  if (problems.some((problem) => problem.message.includes('call stack'))) throw new Error(tooDeep)
  if (problems.length > 0) {
    const faults = problems.map((problem): Fault => {
      const position = positionOf(text, Math.min(problem.pos[0], text.length))
      return { file, ...position, path: '', message: `is not YAML: ${oneLine(problem.message)}` }
    })
    return { ok: false, faults }
  }
  const reading = new YamlReading(env)
  const root = reading.read(document.contents, [])
  const faults = reading.faults.map(({ offset, path, message }): Fault => {
    return { file, ...positionOf(text, offset), path: formatPath(path), message: oneLine(message) }
  })
  return { ok: true, source: { root, locate: yamlLocator(document, text), faults } }
}

/** Turns the nodes of a document into plain values. */
class YamlReading {
  readonly faults: { offset: number; path: Path; message: string }[] = []
  readonly #env: Environment
  readonly #anchors = new Map<string, Node>()
  readonly #anchored = new Set<Node>()
  readonly #targets = new Map<Alias, Node>()
  #nodesLeft = configLimits.maxYamlNodes
  constructor(env: Environment) {
    this.#env = env
  }

  read(node: unknown, path: Path): unknown {
    if (path.length > configLimits.maxDepth) return this.#refuse(node, path, tooDeep)
    this.#nodesLeft -= 1
    if (this.#nodesLeft === 0)
      return this.#refuse(node, path, 'the document is too large with its aliases put in')
    if (this.#nodesLeft < 0) return unreadable
    if (isAlias(node)) return this.read(this.#targetOf(node), path)
    if (isNode(node) && 'anchor' in node && node.anchor && !this.#anchored.has(node)) {
      this.#anchored.add(node)
      this.#anchors.set(node.anchor, node)
    }
    if (isMap(node)) return this.#readMap(node.items, path)
    if (isSeq(node)) return node.items.map((item, i) => this.read(item, [...path, i]))
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
      else entries.set(key, this.read(item.value, [...path, key]))
    }
    return Object.fromEntries(entries)
  }

  #readScalar(node: Scalar, path: Path): unknown {
    if (typeof node.value !== 'string') return node.value
    const result = substitute(node.value, this.#env)
    if (!result.ok) return this.#refuse(node, path, result.message)
    // Quotes say that text is meant; a bare word may become a number or a boolean.
    if (result.isChanged && node.type === Scalar.PLAIN) return new SubstitutedText(result.text)
    return result.text
  }

  #refuse(node: unknown, path: Path, message: string): typeof unreadable {
    if (this.faults.length < configLimits.maxSyntaxFaults) {
      this.faults.push({ offset: startOf(node as Node) ?? 0, path, message })
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

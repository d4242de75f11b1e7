import { basename } from 'node:path'
import { show } from '../fault.ts'
import type { Position } from '../fault-list.ts'
import type { AuthorLanguage, PluginDefinition } from './definition.ts'
import { noPolicy } from './policy.ts'
import { Report } from './report.ts'
import { resourceName } from './texts.ts'
import { nearestWord, readWords, scriptWords, type Word } from './words.ts'

/** The names of files that are plugins: one each, called like it. */
export const scriptExtension = /\.(js|mjs|ts|mts)$/

/** What is said of a script elsewhere; that stands above what it says itself. */
export interface GivenScript {
  readonly name: string
  readonly version: string | null
  readonly language: AuthorLanguage | null
}

/** What its author says of it in comments before the code. */
interface Header {
  readonly words: readonly Word[]
  readonly positions: ReadonlyMap<string, Position>
  /** What is no word with a value, and words that came before. */
  readonly strays: readonly (Position & { readonly message: string })[]
}

/**
 * Reads a file that is a plugin. Comments before the code, of either kind, say
 * the rest: `// pillion: chain=inbound-http priority=115`, with the words of
 * {@link scriptWords} and of the policy. Null when something is wrong with it.
 */
export function readScript(
  file: string,
  text: string,
  given: GivenScript | null,
  reports: Report[],
): PluginDefinition | null {
  const header = headerOf(text)
  const report = new Report(file, (places) =>
    places.map(({ path }) => header.positions.get(String(path[0])) ?? { line: 1, column: 1 }),
  )
  reports.push(report)
  const name = given?.name ?? basename(file).replace(scriptExtension, '')
  const parsed = resourceName.parse(name)
  if ('problem' in parsed) report.add([], `is called ${show(name)}: ${parsed.problem}`)
  for (const stray of header.strays) report.addLoose({ file, path: '', ...stray })
  if (text.trim() === '') report.add([], 'is empty: expected a script')
  const { own, policy } = readWords(header.words, scriptWords, noPolicy, report)
  if (report.faults.hasFaults) return null
  return {
    name,
    version: given?.version ?? own.version,
    language: languageOf(file, text, given?.language ?? own.language),
    text,
    file,
    textPlace: { lineOffset: 0, columnOffset: 0 },
    priority: own.priority,
    policy,
    chains: own.chain ?? [],
    report,
    paths: { name: [], text: [] },
  }
}

/** What an ES module has and a script of PipyJS has not. */
const moduleWords = /^\s*(?:export\s+default\b|export\s*\{|import\s[^(])/m

function languageOf(file: string, text: string, said: AuthorLanguage | null): AuthorLanguage {
  if (said) return said
  if (/ts$/.test(file)) return 'typescript'
  return file.endsWith('.mjs') || moduleWords.test(text) ? 'javascript' : 'pipyjs'
}

function headerOf(text: string): Header {
  const words = new Map<string, Word>()
  const positions = new Map<string, Position>()
  const strays: (Position & { message: string })[] = []
  for (const [index, content] of commentsBeforeCode(text).entries()) {
    const mark = /^\s*(?:\/\/|\/?\*+)?\s*pillion:/.exec(content)?.[0]
    if (mark === undefined) continue
    for (const found of content
      .slice(mark.length)
      .matchAll(/([A-Za-z][A-Za-z._-]*)=(?:"([^"]*)"|([^\s"]+))(?=\s|$)|\S+/g)) {
      const [whole, name, quoted, bare] = found
      const position = { line: index + 1, column: mark.length + found.index + 1 }
      if (name === undefined) strays.push({ ...position, message: notUnderstood(whole) })
      else if (words.has(name)) {
        const message = `${show(whole)}: ${name} is said before: expected each word once, several chains or targets with commas between`
        strays.push({ ...position, message })
      } else {
        words.set(name, { name, text: quoted ?? bare ?? '', path: [name] })
        positions.set(name, position)
      }
    }
  }
  return { words: [...words.values()], positions, strays }
}

function notUnderstood(word: string): string {
  const near = nearestWord(word)
  return `${show(word)} is not understood: expected WORD=VALUE${near === null ? '' : `; did you mean ${near}=…?`}`
}

/** The lines before the code, with what stands in their comments in its place. A `#!` may come first. */
function commentsBeforeCode(text: string): readonly string[] {
  const lines: string[] = []
  let isInBlock = false
  for (const [whole] of text.matchAll(/.*(?:\r?\n|$)/g)) {
    const line = whole.trimEnd()
    const isFirst = lines.length === 0
    isInBlock ||= /^\s*\/\*/.test(line)
    if (!isInBlock && !/^\s*(?:\/\/|$)/.test(line) && !(isFirst && line.startsWith('#!'))) break
    const end = isInBlock ? line.indexOf('*/') : -1
    lines.push(end < 0 ? line : line.slice(0, end))
    if (lines.length >= maxHeaderLines) break
    if (end < 0) continue
    isInBlock = false
    if (line.slice(end + 2).trim() !== '') break
  }
  return lines
}

const maxHeaderLines = 100

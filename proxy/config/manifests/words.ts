import { chainNames } from '../../../chains/model.ts'
import { errorPolicies, pluginModes, scriptLanguages } from '../../../chains/plugins.ts'
import { pluginBounds } from '../defaults.ts'
import { type Path, show } from '../fault.ts'
import { closest } from '../shape/closest.ts'
import { notYetBudget, type PolicyParts } from './policy.ts'
import type { Reporter } from './report.ts'
import {
  booleanText,
  connectTarget,
  headerText,
  listText,
  numberText,
  pluginVersion,
  variableName,
  type WordKind,
  wordText,
} from './texts.ts'

/** A word about a plugin, such as `on-error`, and what it is set to. */
export interface Word {
  readonly name: string
  readonly text: string
  readonly path: Path
}

const whole = ({ min, max }: { readonly min: number; readonly max: number }) => numberText(min, max, true)

/** Each word about how a plugin is run, with the part of the policy that it says. */
const policyWords = {
  'on-error': { part: 'onError', kind: wordText(errorPolicies) },
  mode: { part: 'mode', kind: wordText(pluginModes) },
  'canary-percent': { part: 'percent', kind: numberText(0, 100, false) },
  'canary-header': { part: 'header', kind: headerText },
  'call-ms': { part: 'callMs', kind: whole(pluginBounds.callMs) },
  'memory-mib': { part: 'memoryMiB', kind: whole(pluginBounds.memoryMiB) },
  'buffer-kib': { part: 'bufferKiB', kind: whole(pluginBounds.bufferKiB) },
  'pause-ms': { part: 'pauseMs', kind: whole(pluginBounds.pauseMs) },
  'grant-connect': { part: 'connect', kind: listText(connectTarget) },
  'grant-env': { part: 'env', kind: listText(variableName) },
  'grant-shared': { part: 'shared', kind: booleanText },
  'grant-config': { part: 'config', kind: booleanText },
} as const satisfies Record<string, { readonly part: keyof PolicyParts; readonly kind: WordKind<unknown> }>

/** The words that a resource's annotations know beside those of the policy. */
export const annotationWords = { version: pluginVersion } as const

/** The words that the first lines of a script know beside those of the policy. */
export const scriptWords = {
  version: pluginVersion,
  chain: listText(wordText(chainNames)),
  priority: numberText(-1_000_000, 1_000_000, false),
  language: wordText([...scriptLanguages, 'typescript']),
} as const

const allWords = [...Object.keys(scriptWords), ...Object.keys(policyWords)]

type Kinds = Readonly<Record<string, WordKind<unknown>>>
type ValuesOf<Own extends Kinds> = {
  readonly [Key in keyof Own]: (Own[Key] extends WordKind<infer Value> ? Value : never) | null
}

/** What words said; null where they say nothing. */
export interface Said<Own extends Kinds> {
  readonly own: ValuesOf<Own>
  readonly policy: PolicyParts
}

/** What is left of a word when it does not matter how its parts are joined, or which part of a policy it is in. */
const bare = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[-._]/g, '')
    .replace(/^limits/, '')
    .replace(/^grants/, 'grant')

/** The word that was meant, if it is one: `onError` and `grants.env` are `on-error` and `grant-env`. */
const meant = (name: string, known: readonly string[]): string =>
  known.find((one) => one === name) ?? known.find((one) => bare(one) === bare(name)) ?? name

/** The word that somebody was near to, or null: `shared` is the end of `grant-shared`. */
export function nearestWord(name: string, known: readonly string[] = allWords): string | null {
  return closest(name, known) ?? known.find((one) => one.endsWith(`-${name}`)) ?? null
}

/**
 * Understands words: those of `own` and those of the policy, also as they are spelt in YAML (`onError`,
 * `limits.callMs`). One that nobody knows is a warning, one that is said twice a fault.
 */
export function readWords<Own extends Kinds>(
  words: readonly Word[],
  own: Own,
  nothing: PolicyParts,
  report: Reporter,
): Said<Own> {
  const ownValues = new Map<string, unknown>(Object.keys(own).map((name) => [name, null]))
  const parts: Record<string, unknown> = { ...nothing }
  const known = [...Object.keys(own), ...Object.keys(policyWords)]
  const said = new Set<string>()
  for (const word of words) {
    const { path } = word
    const name = meant(word.name, known)
    if (said.has(name)) report.add(path, `is said twice: expected ${name} once`, 'key')
    said.add(name)
    const ownKind = Object.hasOwn(own, name) ? own[name] : undefined
    if (ownKind) ownValues.set(name, parsed(word, ownKind, report))
    else if (isPolicyWord(name)) parts[policyWords[name].part] = parsed(word, policyWords[name].kind, report)
    else if (name === 'error-budget') report.warn(path, notYetBudget, 'key')
    else {
      const best = nearestWord(name, known)
      const advice = best === null ? `known are ${known.join(', ')}` : `did you mean ${best}?`
      report.warn(path, `there is no such word, and it is ignored: ${advice}`, 'key')
    }
  }
  return {
    own: Object.fromEntries(ownValues) as unknown as ValuesOf<Own>,
    policy: parts as unknown as PolicyParts,
  }
}

function isPolicyWord(name: string): name is keyof typeof policyWords {
  return Object.hasOwn(policyWords, name)
}

function parsed({ text, path }: Word, kind: WordKind<unknown>, report: Reporter): unknown {
  const result = kind.parse(text)
  if ('value' in result) return result.value
  report.add(path, `is ${show(text)}: ${result.problem}`)
  return null
}

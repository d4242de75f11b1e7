import type { Sample } from './generate.ts'
import type { Parsed, ParsedMessage } from './parsed.ts'

const ofTheHop = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

/** Names that may be in a trailer section, and that we do not pass on. */
const notInTrailers = new Set(['authorization', 'cookie', 'host', 'trailer'])

/** What `fields` are once those of the connection are gone, as one string for each. */
function endToEnd(fields: readonly string[], alsoDropped: ReadonlySet<string> = new Set()): string[] {
  const pairs: [name: string, value: string][] = []
  for (let at = 0; at < fields.length; at += 2) pairs.push([fields[at] as string, fields[at + 1] as string])
  const named = new Set(
    pairs
      .filter(([name]) => name.toLowerCase() === 'connection')
      .flatMap(([, value]) => value.split(',').map((each) => each.trim().toLowerCase())),
  )
  return pairs
    .filter(([name]) => {
      const lower = name.toLowerCase()
      return !ofTheHop.has(lower) && !named.has(lower) && !alsoDropped.has(lower)
    })
    .map(([name, value]) => `${name}: ${value}`)
}

/** The origin form of a target in absolute form, with its authority; others as they are. */
function resolved(method: string, target: string): string {
  if (!/^http:\/\//i.test(target)) return target
  const path = target.slice(7).replace(/^[^/?]*/, '')
  if (path === '') return method === 'OPTIONS' ? '*' : '/'
  return path.startsWith('/') ? path : `/${path}`
}

/** The fields once the authority of a target in absolute form has replaced the value of Host. */
function withAuthority(fields: readonly string[], target: string): string[] {
  const authority = /^http:\/\/([^/?]*)/i.exec(target)?.[1]
  if (authority === undefined) return [...fields]
  if (!fields.some((field) => /^host:/i.test(field))) return [...fields, `Host: ${authority}`]
  return fields.map((field) => (/^host:/i.test(field) ? `${field.slice(0, 4)}: ${authority}` : field))
}

function headDifference(ours: ParsedMessage, theirs: ParsedMessage): string | null {
  if (ours.method !== theirs.method) return `method ${ours.method}, not ${theirs.method}`
  const target = resolved(theirs.method, theirs.target)
  if (ours.target !== target) return `target ${ours.target}, not ${target}`
  if (ours.status !== theirs.status) return `status ${ours.status}, not ${theirs.status}`
  const mine = endToEnd(ours.fields)
  // Absolute form brings its own Host; and HTTP/1.0 may come without, to which ours adds an empty one.
  const their = withAuthority(endToEnd(theirs.fields), theirs.target)
  const isSame = JSON.stringify(mine) === JSON.stringify(their)
  const isAdded = JSON.stringify(mine) === JSON.stringify([...their, 'Host: '])
  return isSame || isAdded ? null : `fields ${JSON.stringify(mine)}, not ${JSON.stringify(their)}`
}

function messageDifference(ours: ParsedMessage, theirs: ParsedMessage | undefined): string | null {
  if (!theirs) return `llhttp sees no such message: ${ours.method || ours.status} ${ours.target}`
  const head = headDifference(ours, theirs)
  if (head) return head
  if (ours.isWhole && !theirs.isWhole) return 'llhttp has not seen its end'
  const [longer, shorter] =
    ours.body.length >= theirs.body.length ? [ours.body, theirs.body] : [theirs.body, ours.body]
  const isSame = ours.isWhole ? ours.body === theirs.body : longer.startsWith(shorter)
  if (!isSame) return `body ${JSON.stringify(ours.body)}, not ${JSON.stringify(theirs.body)}`
  if (!ours.isWhole) return null
  const mine = endToEnd(ours.trailers)
  const their = endToEnd(theirs.trailers, notInTrailers)
  return JSON.stringify(mine) === JSON.stringify(their)
    ? null
    : `trailers ${JSON.stringify(mine)}, not ${JSON.stringify(their)}`
}

function hasField(fields: readonly string[] | undefined, name: string): boolean {
  return fields?.some((each, at) => at % 2 === 0 && each.toLowerCase() === name) ?? false
}

/**
 * Why llhttp reads a sample in another way than we do, or null when it does
 * not. Every message that we take, whole or in part, must be one that llhttp
 * takes alike; what we refuse needs no agreement.
 */
export function difference(ours: Parsed, theirs: Parsed, sample: Sample): string | null {
  // llhttp takes a `close` in an interim answer for the final one's, and reads no further; the RFC is silent.
  const isClosedEarly =
    theirs.refusal?.includes('Data after `Connection: close`') && theirs.messages.length === 0
  if (sample.kind === 'response' && isClosedEarly) return null
  for (const [index, message] of ours.messages.entries()) {
    const found = messageDifference(message, theirs.messages[index])
    if (found) return `message ${index}: ${found} (llhttp: ${theirs.refusal ?? 'no error'})`
    // llhttp leaves HTTP behind an offer to switch protocols; whether we do depends on the answer.
    if (hasField(theirs.messages[index]?.fields, 'upgrade')) return null
    // llhttp obeys a Connection among the trailers, which RFC 9110 section 6.5.1 keeps out of there.
    if (hasField(theirs.messages[index]?.trailers, 'connection')) return null
  }
  if (sample.kind === 'response' || !ours.isAll) return null
  if (theirs.refusal !== null) return `we take all of it, llhttp says ${theirs.refusal}`
  return theirs.messages.length === ours.messages.length
    ? null
    : `we see ${ours.messages.length} messages, llhttp ${theirs.messages.length}`
}

/** Why the same bytes in other pieces gave another result, or null when they did not. Error texts may differ. */
export function cutDifference(whole: Parsed, cut: Parsed): string | null {
  const isSameEnd = (whole.refusal === null) === (cut.refusal === null)
  const complete = (parsed: Parsed) => JSON.stringify(parsed.messages.filter(({ isWhole }) => isWhole))
  const isSame = isSameEnd && complete(whole) === complete(cut)
  return isSame ? null : `whole: ${JSON.stringify(whole)}; in pieces: ${JSON.stringify(cut)}`
}

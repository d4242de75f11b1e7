import { Data } from '../data.ts'
import { Message } from '../events.ts'
import { defineAbsent } from '../globals/absent.ts'
import { host } from '../host.ts'
import { exec, indexOf, lastIndexOf, lowerCase, slice, split, unitAt } from './natives.ts'

/** A part of a pattern between slashes: itself, or the name that it is known by. */
interface Segment {
  readonly text: string
  readonly name: string | null
}

const parameter = /^\{([^{}]+)\}$/

/**
 * Makes a function that compares a path with a pattern: `/users/{id}` has the part in
 * `id`, a last `*` any number of parts in `*`. It gives an object of those, as they stand in the path, or null.
 * A query is not looked at.
 */
function Match(pattern: unknown): (path: unknown) => Record<string, string> | null {
  const segments: Segment[] = []
  const texts = split(String(pattern), '/')
  for (let at = 0; at < texts.length; at += 1) {
    const text = texts[at] as string
    const isRest = text === '*' && at === texts.length - 1
    segments[at] = { text, name: isRest ? '*' : (exec(parameter, text)?.[1] ?? null) }
  }
  return (path) => compare(segments, String(path))
}

function compare(segments: readonly Segment[], path: string): Record<string, string> | null {
  const question = indexOf(path, '?')
  const whole = question < 0 ? path : slice(path, 0, question)
  const found: Record<string, string> = {}
  let at = 0
  for (let index = 0; index < segments.length; index += 1) {
    const { text, name } = segments[index] as Segment
    if (at > whole.length) return null
    if (name === '*') {
      found['*'] = slice(whole, at)
      return found
    }
    const slash = indexOf(whole, '/', at)
    const end = slash < 0 ? whole.length : slash
    const part = slice(whole, at, end)
    if (name === null ? part !== text : part === '') return null
    if (name !== null) found[name] = part
    at = end + 1
  }
  return at > whole.length ? found : null
}

const contentTypes: Readonly<Record<string, string>> = {
  __proto__: null as never,
  html: 'text/html',
  css: 'text/css',
  xml: 'text/xml',
  txt: 'text/plain',
  gif: 'image/gif',
  png: 'image/png',
  jpg: 'image/jpeg',
  svg: 'image/svg+xml',
  woff: 'font/woff',
  woff2: 'font/woff2',
  ico: 'image/x-icon',
  js: 'application/javascript',
  json: 'application/json',
}

/** A file that `pipy.load()` knows, as an answer. */
class File {
  readonly #contentType: string
  readonly #content: ArrayBuffer
  readonly #gzip: ArrayBuffer | null

  private constructor(path: string, content: ArrayBuffer) {
    const name = slice(path, lastIndexOf(path, '/') + 1)
    const extension = lowerCase(slice(name, lastIndexOf(name, '.') + 1))
    this.#contentType = contentTypes[extension] ?? 'application/octet-stream'
    this.#content = content
    this.#gzip = host.loadFile(`${path}.gz`)
  }

  /** The file, or null when there is none. */
  static from(given: unknown): File | null {
    const text = String(given)
    let from = 0
    while (unitAt(text, from) === 47) from += 1
    const path = slice(text, from)
    const content = host.loadFile(path)
    return content === null ? null : new File(path, content)
  }

  /** A message that answers with it; compressed when there is such a file beside it and the client takes that. */
  toMessage(acceptEncoding?: unknown): Message {
    const accepted = acceptEncoding === undefined || acceptEncoding === null ? '' : String(acceptEncoding)
    const headers: Record<string, string> = { 'content-type': this.#contentType }
    const isCompressed =
      this.#gzip !== null && exec(/(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?(?:$|[\s,]))/i, accepted) !== null
    if (isCompressed) headers['content-encoding'] = 'gzip'
    return new Message({ headers }, new Data(isCompressed ? this.#gzip : this.#content))
  }
}

/** `http`, as far as it does not reach the network or files. */
export const http: object = { Match, File }
defineAbsent(http, 'http.', {
  Agent: 'call a service with muxHTTP() and connect(), to a target that is granted',
  Directory: 'a plugin has no folder of files; answer with new Message(), or with http.File.from()',
})
Object.freeze(http)

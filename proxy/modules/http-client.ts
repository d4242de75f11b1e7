import { type IncomingHttpHeaders, type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { checkHost, guardedLookup } from './addresses.ts'
import { type ModuleLimits, ModuleRefusal } from './contract.ts'

/** What was answered, with its whole body. */
export interface Download {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Uint8Array
}

/** What goes with a request. `authorization` does not follow a redirect to another origin. */
export interface DownloadOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly limits: ModuleLimits
  /** Whether a URL may be without TLS. */
  readonly mayBePlain: (url: URL) => boolean
}

const maxRedirects = 5
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** Answers of servers that will not think better of it. */
const finalStatuses: ReadonlySet<number> = new Set([501, 505, 511])

/**
 * Gets a URL whole, following redirects, and trying again when the server fails or cannot be reached. Gives answers
 * of every other status; rejects with a {@link ModuleRefusal}.
 */
export async function download(url: URL, options: DownloadOptions): Promise<Download> {
  const { tries, backoffMs } = options.limits
  for (let tried = 1; ; tried += 1) {
    const last = tried >= tries
    try {
      const answer = await followed(url, options)
      const mayRecover = answer.status >= 500 && !finalStatuses.has(answer.status)
      if (!mayRecover || last) return answer
    } catch (thrown) {
      if (thrown instanceof ModuleRefusal) throw thrown
      const often = tried === 1 ? '' : ` (${tried} tries)`
      if (last) throw new ModuleRefusal(`cannot be fetched from ${url.host}: ${reasonOf(thrown)}${often}`)
    }
    await pause(backoffMs)
  }
}

async function followed(start: URL, options: DownloadOptions): Promise<Download> {
  let { headers } = options
  let url = start
  for (let count = 0; count <= maxRedirects; count += 1) {
    const answer = await once(url, headers, options)
    const { location } = answer.headers
    if (!redirects.has(answer.status) || location === undefined) return answer
    const next = URL.canParse(location, url) ? new URL(location, url) : null
    if (!next || !/^https?:$/.test(next.protocol))
      throw new ModuleRefusal(`is redirected by ${url.host} to what is no http address`)
    if (url.protocol === 'https:' && next.protocol === 'http:' && !options.mayBePlain(next))
      throw new ModuleRefusal(`is redirected by ${url.host} from https to http`)
    if (next.origin !== url.origin) {
      const { authorization: _, ...rest } = headers
      headers = rest
    }
    url = next
  }
  throw new ModuleRefusal(`is redirected more than ${maxRedirects} times`)
}

function once(
  url: URL,
  headers: Readonly<Record<string, string>>,
  options: DownloadOptions,
): Promise<Download> {
  checkHost(url.hostname)
  const { limits } = options
  const signal = AbortSignal.timeout(limits.tryMs)
  const request = url.protocol === 'https:' ? requestSecure : requestPlain
  return new Promise((resolve, reject) => {
    const fail = (thrown: unknown): void =>
      reject(signal.aborted ? new Error(`no whole answer in ${limits.tryMs} ms`) : thrown)
    // A connection of its own, so that nothing stays open behind a load.
    const asked = request(url, {
      agent: false,
      lookup: guardedLookup,
      signal,
      headers: { 'accept-encoding': 'identity', 'user-agent': 'pillion', ...headers },
    })
    asked.on('error', fail)
    asked.on('response', (response) => {
      bodyOf(response, limits.maxBytes).then((bytes) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes })
      }, fail)
    })
    asked.end()
  })
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    length += chunk.length
    // Leaving the loop closes the connection.
    if (length > maxBytes) throw new ModuleRefusal(`is too large: at most ${maxBytes} bytes are fetched`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  const words: Record<string, string> = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection reset',
    ENOTFOUND: 'its name is not known',
    EAI_AGAIN: 'its name cannot be resolved now',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  }
  return (
    words[code] ??
    (code || (thrown instanceof Error ? thrown.message.split('\n')[0] : '') || 'no reason given')
  )
}

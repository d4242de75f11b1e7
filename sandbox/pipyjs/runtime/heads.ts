import type { Body } from '../../../chains/body.ts'
import { ProxyError } from '../../../chains/failures.ts'
import type { HeaderList } from '../../../chains/headers.ts'
import type { HttpRequest, HttpResponse } from '../../../chains/http.ts'
import type { MessageHead } from '../events.ts'

/** A head that came from the chain; remembers of it what scripts do not see. */
export class ChainHead implements MessageHead {
  kind: 'request' | 'response'
  id = 0
  protocol: string
  method = ''
  path = ''
  status = 0
  statusText = ''
  scheme = ''
  authority = ''
  headers: HeaderList
  extra: Map<string, string> | null = null
  readonly request: HttpRequest | null
  readonly response: HttpResponse | null
  /** Whether the answer it came from has been handed on, and with it the care for its body and tunnel. */
  isDelivered = false
  /** Whether a script may have written into it without its having a number in the guest. */
  isCopy = false

  constructor(request: HttpRequest | null, response: HttpResponse | null, headers: HeaderList) {
    this.request = request
    this.response = response
    this.headers = headers
    this.kind = response ? 'response' : 'request'
    if (response) {
      this.protocol = 'HTTP/1.1'
      this.status = response.status
      this.statusText = response.reason
    } else {
      this.protocol = request ? protocols[request.version] : 'HTTP/1.1'
      this.method = request?.method ?? ''
      this.path = request?.path ?? ''
    }
  }
}

const protocols = { '1.0': 'HTTP/1.0', '1.1': 'HTTP/1.1', '2': 'HTTP/2' } as const

/** What frames a message, or belongs to one connection: the codec's business alone. Names of these lengths are looked at. */
const framingNames: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const framingLengths: ReadonlySet<number> = new Set([...framingNames].map(({ length }) => length))

/** The head of a request, as scripts see it. */
export function requestHead(request: HttpRequest): ChainHead {
  const { headers, upgrade } = request
  if (upgrade !== null) headers.append('upgrade', upgrade)
  return new ChainHead(request, null, headers)
}

/** The head of an answer, as scripts see it. */
export function responseHead(response: HttpResponse): ChainHead {
  const { headers, upgrade } = response
  if (upgrade !== null) headers.append('upgrade', upgrade)
  return new ChainHead(null, response, headers)
}

/**
 * A head of its own for another pipeline; the guest sees it as another object.
 * With `isSameMessage` it stands for the message itself, and not for a copy of
 * it, which can neither be upgraded nor be waited for with `100 Continue`.
 */
export function copyHead(head: MessageHead, isSameMessage: boolean): MessageHead {
  const origin = isSameMessage && head instanceof ChainHead ? head.request : null
  const copy = new ChainHead(origin, null, head.headers.clone())
  const { kind, protocol, method, path, status, statusText, scheme, authority, extra } = head
  const values = { kind, protocol, method, path, status, statusText, scheme, authority }
  return Object.assign(copy, values, { isCopy: true, extra: extra && new Map(extra) })
}

/**
 * The request that a head says, for the chain. What a script left out is as
 * Pipy has it; its host is that of `original`, if there is one.
 */
export function toRequest(head: MessageHead, body: Body | null, original: HttpRequest | null): HttpRequest {
  const origin = head instanceof ChainHead ? head.request : null
  dropFraming(head)
  if (!isUntouched(head) && !head.headers.has('host')) {
    head.headers.set('host', head.authority || (original?.headers.get('host') ?? ''))
  }
  return {
    version: origin?.version ?? '1.1',
    method: head.method || 'GET',
    path: head.path || '/',
    headers: head.headers,
    body,
    upgrade: origin?.upgrade ?? null,
    expectsContinue: body !== null && (origin?.expectsContinue ?? false),
  }
}

/**
 * The answer that a head says, for the chain. Hands over the tunnel of the one
 * it came from, as long as the script left its status alone.
 */
export function toResponse(head: MessageHead, body: Body | null): HttpResponse {
  const origin = head instanceof ChainHead ? head.response : null
  dropFraming(head)
  const status = head.status || 200
  const isSame = origin?.status === status
  if (head instanceof ChainHead) head.isDelivered = true
  if (origin?.tunnel && !isSame) origin.tunnel.destroy(new ProxyError('ACCESS_DENIED', 'a plugin refused it'))
  return {
    status,
    // a text that belongs to another status would only mislead
    reason: isSame || head.statusText !== origin?.reason ? head.statusText : '',
    headers: head.headers,
    body: isSame && origin.tunnel ? null : body,
    tunnel: isSame ? origin.tunnel : null,
    upgrade: isSame ? origin.upgrade : null,
    declaredLength: isSame && body === null ? origin.declaredLength : null,
  }
}

/** Lets go of an answer that nobody wants. */
export function drop(response: HttpResponse, reason: ProxyError): void {
  response.body?.cancel(reason)
  response.tunnel?.destroy(reason)
}

/** A head that came from the chain, and that no script has looked at. */
function isUntouched(head: MessageHead): boolean {
  return (
    head instanceof ChainHead && head.id === 0 && !head.isCopy && (head.request ?? head.response) !== null
  )
}

/** Takes out what a script may not say. */
function dropFraming(head: MessageHead): void {
  if (isUntouched(head) && !((head as ChainHead).request ?? (head as ChainHead).response)?.upgrade) return
  const { fields } = head.headers
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    if (!framingLengths.has(name.length) || !framingNames.has(name.toLowerCase())) continue
    head.headers.deleteAll(framingNames)
    return
  }
}

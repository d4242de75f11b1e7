import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '../../chains/context.ts'
import type { Control } from './control.ts'
import { type Door, type Refusal, refuseChange, refuseRead } from './guard.ts'
import { errorReply, type Reply, wantsText } from './reply.ts'
import { readBody } from './request-body.ts'
import { type Port, type Route, routeLines, routes } from './routes.ts'
import { type Scrape, withLimit } from './shared-scrape.ts'

/** What one port answers from. */
export interface Desk {
  readonly port: Port
  readonly control: Control
  readonly scrape: Scrape
  readonly log: Log
  readonly door: () => Door
  /** Longest time for one answer. */
  readonly answerMs: number
  /** Answers of each path that have not been taken by their clients yet. */
  readonly inFlight: Map<string, number>
}

const defaultMaxBodyBytes = 4_096
/** Answers under way on one path: a client that reads slowly keeps a whole answer in memory. */
const maxInFlight = 16

/** Answers one request. The one rescue of this edge: whatever goes wrong becomes an answer. */
export async function serve(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asText = wantsText(request.headers.accept)
  let reply: Reply
  try {
    reply = await replyTo(desk, request, response, asText)
  } catch (error) {
    desk.log.error('an admin request failed', { method: request.method, path: pathOf(request), error })
    reply = errorReply(500, error instanceof Error ? error.message : 'internal error', asText)
  }
  send(request, response, reply)
}

async function replyTo(
  desk: Desk,
  request: IncomingMessage,
  response: ServerResponse,
  asText: boolean,
): Promise<Reply> {
  const { port, control, scrape } = desk
  const path = pathOf(request)
  const here = routes.filter((route) => route.path === path && route.ports.includes(port))
  if (here.length === 0) return errorReply(404, 'there is nothing here', asText, { routes: routeLines(port) })
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = here.find((candidate) => candidate.method === method)
  if (!route) return wrongMethod(here, asText)
  const refusal = refuse(desk, route, request)
  if (refusal) return refused(refusal, asText)
  if (!hasRoom(desk.inFlight, path, response)) {
    const busy = errorReply(503, 'too many requests for this at once', asText)
    return { ...busy, headers: { 'Retry-After': '1' } }
  }
  const isRead = route.method === 'GET'
  const body = isRead ? Buffer.alloc(0) : await readBody(request, route.maxBodyBytes ?? defaultMaxBodyBytes)
  if (!body) return { ...errorReply(413, 'the body is too long', asText), headers: { Connection: 'close' } }
  const query = new URLSearchParams(request.url?.slice(path.length))
  return withLimit(() => route.answer({ control, scrape, query, wantsText: asText, body }), desk.answerMs)
}

function refuse({ port, door }: Desk, route: Route, request: IncomingMessage): Refusal | null {
  if (route.method !== 'GET') return refuseChange(request, door())
  // Prometheus and probes reach the metrics port by whatever name they like; it shows nothing else.
  return port === 'admin' ? refuseRead(request, door()) : null
}

function refused({ status, reason }: Refusal, asText: boolean): Reply {
  const reply = errorReply(status, reason, asText)
  return status === 401 ? { ...reply, headers: { 'WWW-Authenticate': 'Bearer' } } : reply
}

/** Counts the answer in, and out when it has been sent; false if there are too many. */
function hasRoom(inFlight: Map<string, number>, path: string, response: ServerResponse): boolean {
  const count = inFlight.get(path) ?? 0
  if (count >= maxInFlight) return false
  inFlight.set(path, count + 1)
  response.once('close', () => inFlight.set(path, (inFlight.get(path) ?? 1) - 1))
  return true
}

function wrongMethod(here: readonly Route[], asText: boolean): Reply {
  const allowed = here.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  const allow = allowed.join(', ')
  return { ...errorReply(405, `this takes ${allow} only`, asText), headers: { Allow: allow } }
}

/** Without the query. */
function pathOf(request: IncomingMessage): string {
  const url = request.url ?? ''
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (reply.afterwards) {
    // The client may have left while the answer was made; what it asked for is done all the same.
    if (response.destroyed) reply.afterwards()
    else response.once('close', reply.afterwards)
  }
  response.writeHead(reply.status, {
    'Content-Type': reply.contentType,
    'Content-Length': Buffer.byteLength(reply.body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...reply.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : reply.body)
}

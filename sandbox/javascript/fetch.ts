import { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import { HeaderList } from '../../chains/headers.ts'
import type { HttpRequest } from '../../chains/http.ts'
import { mayConnect } from '../plugin/grants.ts'
import type { NetworkTarget } from '../plugin/network.ts'
import { type GuestValue, HostRefusal } from '../quickjs/contract.ts'
import { bodyFrom, type ScriptExchange } from './exchange.ts'
import type { Script } from './script.ts'

/** How long an answer to `cx.fetch` may take when the plugin does not say, in milliseconds. */
const usualTimeoutMs = 5_000
const pool = 'javascript'

/** What `cx.fetch` asks for. */
export interface Fetch {
  readonly target: NetworkTarget
  readonly request: HttpRequest
  readonly timeoutMs: number
}

/** An answer to `cx.fetch`: status, then names and values, by line feeds. */
export interface Fetched {
  readonly head: string
  readonly body: Uint8Array
}

/** Reads what a plugin asks for. Throws a {@link HostRefusal} for what is no request, or not granted. */
export function fetchOf(instance: Script, head: string, body: GuestValue): Fetch {
  const [method = '', address = '', timeout = '0', ...fields] = head.split('\n')
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url) throw new HostRefusal(`cx.fetch: ${JSON.stringify(address)} is no absolute URL`)
  if (url.protocol !== 'http:') {
    throw new HostRefusal(`cx.fetch: ${url.protocol} is not there, only http:`)
  }
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  const target = { host, port: url.port === '' ? 80 : Number(url.port) }
  if (!mayConnect(instance.grants, target)) {
    throw new HostRefusal(
      `cx.fetch: ${url.host} is not granted to ${instance.spec.name}; its policy needs grants: { connect: ["${host}:${target.port}"] }`,
    )
  }
  if (!/^[A-Z]{1,32}$/.test(method)) throw new HostRefusal(`cx.fetch: ${JSON.stringify(method)} is no method`)
  const headers = new HeaderList()
  headers.append('Host', url.host)
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const field = fields[at] as string
    if (!/^(host|content-length|transfer-encoding|connection|upgrade|te|trailer|keep-alive)$/i.test(field)) {
      headers.append(field, fields[at + 1] as string)
    }
  }
  const request: HttpRequest = {
    version: '1.1',
    method,
    path: `${url.pathname}${url.search}`,
    headers,
    body: bodyFrom(body),
    upgrade: null,
    expectsContinue: false,
  }
  const asked = Number(timeout)
  return { target, request, timeoutMs: asked > 0 ? asked : usualTimeoutMs }
}

/**
 * Sends it and collects the answer. Rejects with an `Error` of one clear line when there is none in time, or it is
 * too large. It goes on when the exchange that asked is over, because others of the plugin may wait for the same.
 */
export async function fetched(instance: Script, exchange: ScriptExchange, asked: Fetch): Promise<Fetched> {
  const { network, tools } = instance.host
  const { target, request } = asked
  const limits = instance.spec.policy.limits
  const timeoutMs = Math.min(asked.timeoutMs, limits.pauseMs)
  const callout = calloutOf(exchange.cx)
  using _begun = instance.callouts.begin(exchange, callout)
  const givenUp = new Promise<never>((_resolve, reject) => callout.onAbort(reject))
  const stop = tools.clock.after(timeoutMs, () =>
    callout.abort(new ProxyError('REQUEST_TIMEOUT', `cx.fetch: no answer within ${timeoutMs} ms`)),
  )
  const whole = async (): Promise<Fetched> => {
    const timeouts = { connectMs: timeoutMs, idleMs: timeoutMs }
    const response = await network.request(request, callout, target, pool, timeouts)
    const body = response.body ? await response.body.buffer(limits.bufferKiB * 1_024) : Buffer.alloc(0)
    const fields = response.headers.fields
    return { head: [String(response.status), ...fields].join('\n'), body }
  }
  try {
    return await Promise.race([whole(), givenUp])
  } finally {
    stop()
  }
}

/** A context with an end of its own. */
function calloutOf(cx: Context): Context {
  const { peer, vars, log, startedAt } = cx
  return new Context({ id: { nextId: () => cx.id }, peer, vars, log, startedAt })
}

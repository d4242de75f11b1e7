import { HeaderList } from '../../../../chains/headers.ts'
import type { PluginGrants } from '../../../../chains/plugins.ts'
import { mayConnect } from '../../../plugin/grants.ts'
import type { NetworkTarget } from '../../../plugin/network.ts'
import { HostRefusal } from '../../../quickjs/contract.ts'
import { milliseconds } from '../../runtime/arguments.ts'
import { attempt } from './attempt.ts'

/** How records are put together and sent (`toHTTP(url, { batch, headers, method })`). */
export interface ShippingOptions {
  readonly target: NetworkTarget
  readonly path: string
  readonly method: string
  /** `Host` is the first. */
  readonly headers: HeaderList
  /** Records in one request. */
  readonly size: number
  /** How long the first record of a batch waits for others. */
  readonly waitMs: number
  readonly prefix: Buffer
  readonly postfix: Buffer
  readonly separator: Buffer
}

const usual = { size: 1_000, waitMs: 5_000, method: 'POST' }
const maxSize = 10_000
const maxOptions = 16_384
const framing = /^(?:host|content-length|transfer-encoding|connection|upgrade|te|trailer|keep-alive|expect)$/i

/** Reads what a script says. Throws a `HostRefusal` for what cannot be, or is not granted. */
export function readShippingOptions(
  plugin: string,
  grants: PluginGrants,
  address: string,
  json: string,
): ShippingOptions {
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url) throw new HostRefusal(`toHTTP(): ${JSON.stringify(address.slice(0, 200))} is no URL`)
  if (url.protocol !== 'http:') throw new HostRefusal(`toHTTP(): ${url.protocol} is not there, only http:`)
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  const target = { host, port: url.port === '' ? 80 : Number(url.port) }
  if (!mayConnect(grants, target)) {
    const grant = `grants: { connect: ["${url.hostname}:${target.port}"] }`
    throw new HostRefusal(`toHTTP(): ${url.host} is not granted to ${plugin}; its policy needs ${grant}`)
  }
  if (json.length > maxOptions) throw new HostRefusal('toHTTP(): the options are too long')
  const { batch, headers, method } = record(JSON.parse(json))
  const { size, timeout, interval, prefix, head, postfix, tail, separator } = record(batch)
  return {
    target,
    path: `${url.pathname}${url.search}`,
    method: methodOf(method),
    headers: headersOf(url.host, record(headers)),
    size: Math.min(maxSize, Math.max(1, Math.trunc(Number(size ?? usual.size)) || usual.size)),
    waitMs: duration(timeout) ?? duration(interval) ?? usual.waitMs,
    prefix: textOf(prefix ?? head),
    postfix: textOf(postfix ?? tail),
    separator: textOf(separator),
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function methodOf(value: unknown): string {
  const method = String(value ?? usual.method)
  if (method === 'POST' || method === 'PUT') return method
  throw new HostRefusal(`toHTTP(): records are sent by POST or PUT, and not by ${method.slice(0, 40)}`)
}

function headersOf(host: string, given: Record<string, unknown>): HeaderList {
  const headers = new HeaderList()
  headers.append('Host', host)
  for (const [name, value] of Object.entries(given)) {
    if (framing.test(name)) continue
    attempt('toHTTP(): a header', () => headers.append(name, String(value)))
  }
  return headers
}

function duration(value: unknown): number | null {
  const ms = value === undefined || value === null ? null : milliseconds(value)
  return ms !== null && ms > 0 ? ms : null
}

const textOf = (value: unknown): Buffer =>
  Buffer.from(value === undefined || value === null ? '' : String(value))

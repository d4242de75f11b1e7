/** What the tests of routing and balancing are built from, beside `policy/testing.ts`. */

import { Body } from '../body.ts'
import { Context, type Peer } from '../context.ts'
import { ProxyError } from '../failures.ts'
import { HeaderList } from '../headers.ts'
import { type HttpRequest, type HttpResponse, localResponse } from '../http.ts'
import type { Cluster, Endpoint, Model, PortRule, Service } from '../model.ts'
import {
  type RecordingTools,
  recordingTools,
  testCluster,
  testModel,
  testPort,
  testRoute,
  testService,
} from '../policy/testing.ts'
import type { SharedState } from '../shared-state.ts'
import type { ByteStream } from '../stream.ts'
import type { Upstream } from '../tools.ts'
import { newVariables, type Variables } from '../variables.ts'

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

/** An endpoint at `host:port`. */
export function endpoint(address: string, weight = 1, parts: Partial<Endpoint> = {}): Endpoint {
  const colon = address.lastIndexOf(':')
  return {
    address,
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    weight,
    pathPrefix: null,
    viaGateway: null,
    ...parts,
  }
}

/** A cluster of these endpoints: `a:1`, or `a:1=100` with a weight. */
export function cluster(name: string, endpoints: readonly string[], parts: Partial<Cluster> = {}): Cluster {
  const made = endpoints.map((text) => {
    const [address = '', weight = '1'] = text.split('=')
    return endpoint(address, Number(weight))
  })
  return testCluster(name, { endpoints: made, ...parts })
}

/** A context of a connection from 192.0.2.7, or as `peer` says. */
export function contextOf(vars: Partial<Variables> = {}, peer: Partial<Peer> = {}): Context {
  const silent = () => {}
  return new Context({
    id: 'w0-1',
    peer: {
      id: 1,
      direction: 'inbound',
      remoteAddress: '192.0.2.7',
      remotePort: 40_000,
      localAddress: '127.0.0.1',
      localPort: 15_003,
      destinationAddress: '10.0.0.1',
      destinationPort: 80,
      choices: new Map(),
      ...peer,
    },
    vars: { ...newVariables(null, false), ...vars },
    log: { debug: silent, info: silent, warn: silent, error: silent },
    startedAt: 0,
  })
}

/** A model of these clusters and ports. */
export function modelOf(
  clusters: readonly Cluster[],
  ports: readonly PortRule[] = [],
  parts: Partial<Model> = {},
): Model {
  const model = testModel(clusters)
  const rules = (direction: 'inbound' | 'outbound') => ({
    ...model[direction],
    ports: ports.filter((port) => port.direction === direction),
  })
  return { ...model, inbound: rules('inbound'), outbound: rules('outbound'), ...parts }
}

/** A port whose hosts lead to a service of one route for everything, shared out among `targets`. */
export function splitPort(
  targets: Readonly<Record<string, number>>,
  parts: Partial<PortRule> = {},
  service: Service = testService('stock.shop'),
): PortRule {
  const route = {
    ...testRoute('all'),
    targets: Object.entries(targets).map(([name, weight]) => ({ cluster: name, weight })),
  }
  const full = { ...service, routes: [route] }
  return {
    ...testPort('p80'),
    http: {
      hosts: { '*': { service: full, rewriteHost: '' } },
      hostMatching: 'flexible',
      defaultHost: null,
      callerMatching: 'filtered',
      unmatched: 'absent',
    },
    ...parts,
  }
}

/** What an endpoint does to whoever comes: answers a status, or fails. */
export type Behaviour = number | ProxyError

/** What was sent to an endpoint. */
export interface Sent {
  readonly target: string
  readonly cluster: string
  readonly request: HttpRequest
}

/** Tools whose endpoints behave as `behaviours` say, by address; others answer 200. What is sent is remembered. */
export function toolsWith(
  behaviours: Record<string, Behaviour> = {},
  options: { random?: () => number; state?: SharedState } = {},
): RecordingTools & { readonly sent: Sent[]; readonly connected: string[] } {
  const sent: Sent[] = []
  const connected: string[] = []
  const upstream: Upstream = {
    async request(request, _cx, { name }, { address }) {
      sent.push({ target: address, cluster: name, request })
      const behaviour = behaviours[address] ?? 200
      if (behaviour instanceof ProxyError) throw behaviour
      return answerOf(behaviour, address)
    },
    async connect(_cx, _cluster, { address }) {
      connected.push(address)
      const behaviour = behaviours[address]
      if (behaviour instanceof ProxyError) throw behaviour
      return streamOf()
    },
  }
  return { ...recordingTools(options), upstream, sent, connected }
}

/** An answer with a body that says who gave it. */
export function answerOf(status: number, from = ''): HttpResponse {
  return localResponse(status, new HeaderList(['X-From', from]), Body.of(from))
}

/** A connection that says nothing. */
export function streamOf(): ByteStream {
  return {
    readable: Body.of(''),
    writable: { write: () => true, end: () => {}, fail: () => {}, source: null },
    destroy: () => {},
  }
}

/** A connect failure. */
export const refused = new ProxyError('CONNECT_REFUSED', 'nobody listens')

/** How often each value came. */
export function countOf(values: Iterable<string | null | undefined>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1
  return counts
}

/** Ends the exchange well, as the edge does. */
export function finish(cx: Context): void {
  cx.finish({ status: 200, error: null, response: null, receivedBytes: 0, sentBytes: 0, durationMs: 1 })
}

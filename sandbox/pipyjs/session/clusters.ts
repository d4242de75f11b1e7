import { isIPv6 } from 'node:net'
import type { Cluster, Direction, Endpoint, Json, JsonObject, Model } from '../../../chains/model.ts'
import type { NetworkTarget } from '../../plugin/network.ts'
import { HostRefusal } from '../../quickjs/contract.ts'
import type { Reach } from './clusters-reach.ts'

const maxEndpoints = 1_000
const shape =
  "a cluster is { name: 'x', Endpoints: { 'host:port': 100 } }, outbound with { Weight: 100 } for 100"

/** What a script may say of an outbound endpoint. */
const endpointKeys = ['Weight', 'Key', 'Path', 'ViaGateway']
/** What else it may say of a cluster: taken from the cluster of that name in the config, if there is one. */
const clusterKeys = ['name', 'Endpoints', 'ConnectionSettings', 'RetryPolicy', 'SourceCert', 'Hash']

/**
 * The cluster that a script means by an object in FSM's form. One that says the same as the
 * config's cluster of that name is that one, and shares its connections and counts. Refuses what is none, or has
 * an endpoint or gateway out of reach.
 */
export function clusterFrom(value: Json, direction: Direction, model: Model, reach: Reach): Cluster {
  const script = objectIn(value, '__cluster')
  const { name, Endpoints: given } = script
  if (typeof name !== 'string' || name === '')
    throw new HostRefusal(`__cluster.name must be a text; ${shape}`)
  checkSpelling(script, clusterKeys, '__cluster')
  const entries =
    given === undefined || given === null ? [] : Object.entries(objectIn(given, '__cluster.Endpoints'))
  if (entries.length > maxEndpoints)
    throw new HostRefusal(`__cluster.Endpoints has more than ${maxEndpoints} entries`)
  const endpoints = entries.map(([address, facts]) => endpointFrom(address, facts, direction, reach))
  const { clusters } = model[direction]
  const known = Object.hasOwn(clusters, name) ? clusters[name] : undefined
  if (known && isSame(known.endpoints, endpoints)) return known
  return { ...(known ?? plain), name, endpoints, script }
}

/** What holds for a cluster that the config does not know: as for its own, with nothing said. */
const plain: Omit<Cluster, 'name' | 'endpoints' | 'script'> = {
  balancing: { policy: 'round-robin', hashHeader: null, sticky: 'request' },
  connections: {
    maxConnections: 1_024,
    maxRequestsPerConnection: Number.MAX_SAFE_INTEGER,
    maxPendingRequests: 1_024,
    idleMs: 30_000,
  },
  connectTimeoutMs: null,
  retry: null,
  breaker: null,
}

function endpointFrom(address: string, facts: Json, direction: Direction, reach: Reach): Endpoint {
  const place = `__cluster.Endpoints[${JSON.stringify(address)}]`
  const { host, port } = targetFrom(address, place)
  reach.check({ host, port }, place)
  const isNumber = typeof facts === 'number'
  if (direction === 'inbound' && !isNumber) throw new HostRefusal(`${place} must be a weight; ${shape}`)
  const said = isNumber ? { Weight: facts } : objectIn(facts, place)
  checkSpelling(said, endpointKeys, place)
  const weight = said.Weight ?? 0
  if (typeof weight !== 'number' || !(weight >= 0))
    throw new HostRefusal(`${place}: its weight must be a number from 0`)
  const pathPrefix = textOrNull(said.Path, `${place}.Path`)
  const viaGateway = textOrNull(said.ViaGateway, `${place}.ViaGateway`)
  const gateway = `${place}.ViaGateway`
  if (viaGateway !== null) reach.check(targetFrom(viaGateway, gateway), gateway)
  return { address, host, port, weight, pathPrefix, viaGateway }
}

/** Reads an address that a script has named at `place`. Throws a `HostRefusal` for what is none. */
export function targetFrom(text: string, place: string): NetworkTarget {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  const isBadV6 = match?.[1] !== undefined && !isIPv6(match[1])
  if (!match || isBadV6 || port < 1 || port > 65_535) {
    throw new HostRefusal(
      `${place}: ${JSON.stringify(text)} is no address; it would be host:port, such as 10.0.0.1:8080`,
    )
  }
  return { host: (match[1] ?? match[2]) as string, port }
}

/** Other keys are passed over, as FSM does; one that is only misspelt would be passed over to no one's good. */
function checkSpelling(object: JsonObject, known: readonly string[], place: string): void {
  for (const key of Object.keys(object)) {
    const right = known.find((one) => one.toLowerCase() === key.toLowerCase())
    if (right && right !== key) throw new HostRefusal(`${place}.${key} is not known; it is spelt ${right}`)
  }
}

function textOrNull(value: Json | undefined, place: string): string | null {
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string') throw new HostRefusal(`${place} must be a text`)
  return value
}

function objectIn(value: Json, place: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw new HostRefusal(`${place} must be an object; ${shape}`)
}

function isSame(known: readonly Endpoint[], given: readonly Endpoint[]): boolean {
  if (known.length !== given.length) return false
  return given.every(({ address, weight, pathPrefix, viaGateway }) =>
    known.some(
      (one) =>
        one.address === address &&
        one.weight === weight &&
        one.pathPrefix === pathPrefix &&
        one.viaGateway === viaGateway,
    ),
  )
}

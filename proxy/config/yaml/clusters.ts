import type { Cluster, Direction, Endpoint, JsonObject } from '../../../chains/model.ts'
import { defaults } from '../defaults.ts'
import { show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import { formatAddress } from '../shape/texts.ts'
import { balancingOf, breakerOf, connectionsOf, retryOf } from './policies.ts'
import type { EndpointSpec } from './policy-shapes.ts'
import type { ClusterSpec } from './traffic-shapes.ts'

/** How a cluster is to be used, without its endpoints. */
export type ClusterFields = Omit<ClusterSpec, 'endpoints'>

/** Makes a cluster; what its `fields` leave out is taken from the service around it. */
export function clusterOf(
  name: string,
  direction: Direction,
  specs: readonly EndpointSpec[],
  fields: readonly ClusterFields[],
  faults: FaultList,
): Cluster {
  const first = <K extends keyof ClusterFields>(key: K): ClusterFields[K] => {
    return fields.map((one) => one[key]).find((value) => value !== null) ?? null
  }
  const endpoints = endpointsOf(specs, faults)
  return {
    name,
    endpoints,
    balancing: balancingOf(first('balancing'), faults),
    connections: connectionsOf(first('connections')),
    connectTimeoutMs: first('connectTimeout'),
    retry: retryOf(first('retry')),
    breaker: breakerOf(first('circuitBreaker'), faults),
    script: { name, Endpoints: scriptOf(endpoints, direction) },
  }
}

function endpointsOf(specs: readonly EndpointSpec[], faults: FaultList): readonly Endpoint[] {
  const seen = new Set<string>()
  return specs.map((spec, i): Endpoint => {
    const { address, weight, pathPrefix } =
      'address' in spec ? spec : { address: spec, weight: defaults.endpointWeight, pathPrefix: null }
    const text = formatAddress(address)
    if (seen.has(text)) faults.add(faults.pathOf(specs, i), `is ${show(text)}, which is in the list already`)
    seen.add(text)
    return { address: text, host: address.host, port: address.port, weight, pathPrefix, viaGateway: null }
  })
}

/** Endpoints as FSM has them: bare weights inbound, objects outbound. */
function scriptOf(endpoints: readonly Endpoint[], direction: Direction): JsonObject {
  return Object.fromEntries(
    endpoints.map(({ address, weight, pathPrefix }) => [
      address,
      direction === 'inbound'
        ? weight
        : { Weight: weight, ...(pathPrefix === null ? {} : { Path: pathPrefix }) },
    ]),
  )
}

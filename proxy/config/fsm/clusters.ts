import type { Balancing, Cluster, Endpoint, Json } from '../../../chains/model.ts'
import { defaults } from '../defaults.ts'
import { type Path, show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import { address, formatAddress } from '../shape/texts.ts'
import { breakerPolicy, milliseconds, retryPolicy } from './policies.ts'
import { objectAt } from './script.ts'
import type { FsmConfig, FsmOutboundCluster } from './shapes.ts'

/** The clusters of one direction, by name. */
export type Clusters = Map<string, Cluster>

const perConnection: Balancing = { ...defaults.balancing, sticky: 'connection' }

/** The application's own endpoints. */
export function inboundClusters(config: FsmConfig, script: Json, faults: FaultList): Clusters {
  const clusters: Clusters = new Map()
  for (const [name, weights] of Object.entries(config.Inbound?.ClustersConfigs ?? {})) {
    const path = faults.pathOf(weights)
    const endpoints = Object.entries(weights).map(([text, weight]) => {
      return endpointOf(text, { weight, pathPrefix: null, viaGateway: null }, path, faults)
    })
    clusters.set(name, {
      ...emptyCluster(name),
      endpoints: endpoints.filter((endpoint) => endpoint !== null),
      script: { name, Endpoints: objectAt(script, path) },
    })
  }
  return clusters
}

/** What the application may call. */
export function outboundClusters(config: FsmConfig, script: Json, faults: FaultList): Clusters {
  const isPerRequest = config.Spec?.Traffic?.HTTP1PerRequestLoadBalancing === true
  const clusters: Clusters = new Map()
  for (const [name, given] of Object.entries(config.Outbound?.ClustersConfigs ?? {})) {
    const path = faults.pathOf(given)
    const settings = given.ConnectionSettings
    const connectTimeout = settings?.tcp?.ConnectTimeout
    clusters.set(name, {
      name,
      endpoints: outboundEndpoints(given, faults),
      balancing: isPerRequest ? defaults.balancing : perConnection,
      connections: {
        maxConnections: settings?.tcp?.MaxConnections || defaults.pool.maxConnections,
        maxRequestsPerConnection:
          settings?.http?.MaxRequestsPerConnection || defaults.pool.maxRequestsPerConnection,
        maxPendingRequests: settings?.http?.MaxPendingRequests || defaults.pool.maxPendingRequests,
        idleMs: defaults.pool.idleMs,
      },
      connectTimeoutMs: connectTimeout ? milliseconds(connectTimeout) : null,
      retry: retryPolicy(given),
      breaker: breakerPolicy(settings?.http?.CircuitBreaking ?? null),
      script: { name, ...objectAt(script, path) },
    })
  }
  return clusters
}

/** A cluster that rules name but nobody describes: FSM has those for a while when a service has no endpoints. */
export function emptyCluster(name: string): Cluster {
  return {
    name,
    endpoints: [],
    balancing: perConnection,
    connections: defaults.pool,
    connectTimeoutMs: null,
    retry: null,
    breaker: null,
    script: { name, Endpoints: {} },
  }
}

function outboundEndpoints(given: FsmOutboundCluster, faults: FaultList): readonly Endpoint[] {
  if (!given.Endpoints) return []
  const path = faults.pathOf(given.Endpoints)
  const endpoints = Object.entries(given.Endpoints).map(
    ([text, { Weight, Path: pathPrefix, ViaGateway }]) => {
      const gateway = ViaGateway
        ? addressAt(ViaGateway, [...path, text, 'ViaGateway'], 'value', faults)
        : null
      return endpointOf(
        text,
        { weight: Weight, pathPrefix: pathPrefix || null, viaGateway: gateway && formatAddress(gateway) },
        path,
        faults,
      )
    },
  )
  return endpoints.filter((endpoint) => endpoint !== null)
}

function endpointOf(
  text: string,
  facts: Pick<Endpoint, 'weight' | 'pathPrefix' | 'viaGateway'>,
  path: Path,
  faults: FaultList,
): Endpoint | null {
  const parsed = addressAt(text, [...path, text], 'key', faults)
  return parsed && { address: formatAddress(parsed), host: parsed.host, port: parsed.port, ...facts }
}

function addressAt(text: string, path: Path, at: 'key' | 'value', faults: FaultList) {
  const parsed = address.parse(text)
  if ('value' in parsed) return parsed.value
  faults.add(path, `is ${show(text)}: ${parsed.problem}`, at)
  return null
}

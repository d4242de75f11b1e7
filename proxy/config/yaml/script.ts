import type {
  Cluster,
  Json,
  JsonObject,
  Model,
  PortRule,
  RouteRule,
  Service,
  TcpRules,
  WeightedCluster,
} from '../../../chains/model.ts'
import type { HttpRateLimit } from '../../../chains/rate-limits.ts'

/*
 * Our own config in FSM's words, so that plugins that were written for FSM find
 * what they look for.
 */

const typeNames = { exact: 'Exact', prefix: 'Prefix', regex: 'Regex' } as const

/** `__route` */
export function routeScript(route: Omit<RouteRule, 'script'>): JsonObject {
  const isAny = route.path.type === 'prefix' && route.path.value === '/'
  return {
    Path: isAny ? '.*' : route.path.value,
    Type: isAny ? 'Regex' : typeNames[route.path.type],
    ...(route.methods ? { Methods: route.methods } : {}),
    ...(route.headers.length > 0
      ? { Headers: Object.fromEntries(route.headers.map(({ name, regex }) => [name, regex])) }
      : {}),
    TargetClusters: weights(route.targets),
    ...(route.callers ? { AllowedServices: route.callers } : {}),
    ...limit(route.rateLimit),
  }
}

/** `__service` */
export function serviceScript(
  name: string,
  routes: readonly RouteRule[],
  plugins: Readonly<Record<string, Json>>,
  rateLimit: HttpRateLimit | null,
): JsonObject {
  return { name, RouteRules: routes.map((route) => route.script), Plugins: plugins, ...limit(rateLimit) }
}

/** `__port` */
export function portScript(
  facts: Pick<PortRule, 'protocol' | 'destinations' | 'connectionLimit' | 'direction'>,
  port: number,
  rules:
    | { readonly services: readonly (readonly [host: string, service: Service])[] }
    | { readonly tcp: TcpRules },
): JsonObject {
  const { connectionLimit } = facts
  const head: Record<string, Json> = { Port: port, Protocol: facts.protocol }
  if (facts.direction === 'outbound') {
    const ranges = facts.destinations?.map((cidr) => [cidr, null] as const)
    head.DestinationIPRanges = ranges ? Object.fromEntries(ranges) : null
  }
  if (connectionLimit) {
    const { connections, windowMs, burst } = connectionLimit
    head.RateLimit = { Local: { Connections: connections, StatTimeWindow: windowMs / 1_000, Burst: burst } }
  }
  if ('tcp' in rules) {
    const { targets, allowEgress, plugins } = rules.tcp
    const tcp = { TargetClusters: weights(targets), AllowedEgressTraffic: allowEgress, Plugins: plugins }
    return { ...head, TcpServiceRouteRules: tcp }
  }
  const services = new Map(rules.services.map(([, service]) => [service.name, service.script]))
  return {
    ...head,
    HttpHostPort2Service: Object.fromEntries(
      rules.services.map(([host, service]) => [host, { RuleName: service.name }]),
    ),
    HttpServiceRouteRules: Object.fromEntries(services),
  }
}

/** The whole config. */
export function configScript(model: Omit<Model, 'script'>, logLevel: string): JsonObject {
  return {
    Ts: null,
    Version: null,
    Metrics: model.fsmMetrics,
    Spec: {
      ServiceIdentity: model.identity.serviceIdentity,
      SidecarLogLevel: logLevel,
      SidecarTimeout: model.timeouts.idleMs / 1_000,
      Traffic: {
        EnableEgress: model.outbound.allowEgress,
        HTTP1PerRequestLoadBalancing: true,
        HTTP2PerRequestLoadBalancing: true,
      },
      FeatureFlags: { EnableSidecarActiveHealthChecks: false, EnableAutoDefaultRoute: false },
      Probes: {},
      Observability: {},
    },
    Certificate: null,
    Inbound: {
      TrafficMatches: Object.fromEntries(
        model.inbound.ports.map((rule) => [String(rule.port ?? 0), rule.script] as const).toReversed(),
      ),
      ClustersConfigs: clusterScripts(model.inbound.clusters),
    },
    Outbound: {
      TrafficMatches: outboundMatches(model.outbound.ports),
      ClustersConfigs: Object.fromEntries(
        Object.entries(model.outbound.clusters).map(([name, { script }]) => [name, script]),
      ),
    },
    AllowedEndpoints: Object.fromEntries((model.inbound.allowedSources ?? []).map((cidr) => [cidr, ''])),
    Chains: Object.fromEntries(
      Object.entries(model.chains).map(([chain, steps]) => [chain, steps.map((step) => step.name)]),
    ),
  }
}

function outboundMatches(ports: readonly PortRule[]): JsonObject {
  const matches = new Map<string, JsonObject[]>()
  for (const rule of ports) {
    const key = String(rule.port ?? 0)
    matches.set(key, [...(matches.get(key) ?? []), rule.script])
  }
  return Object.fromEntries(matches)
}

function clusterScripts(clusters: Readonly<Record<string, Cluster>>): JsonObject {
  return Object.fromEntries(
    Object.entries(clusters).map(([name, { script }]) => [name, script.Endpoints ?? {}] as const),
  )
}

function weights(targets: readonly WeightedCluster[]): JsonObject {
  return Object.fromEntries(targets.map(({ cluster, weight }) => [cluster, weight]))
}

function limit(rateLimit: HttpRateLimit | null): JsonObject {
  if (!rateLimit) return {}
  return {
    RateLimit: {
      Local: {
        Requests: rateLimit.requests,
        StatTimeWindow: rateLimit.windowMs / 1_000,
        Burst: rateLimit.burst,
        ResponseStatusCode: rateLimit.status,
        ResponseHeadersToAdd: rateLimit.headers.map(([Name, Value]) => ({ Name, Value })),
      },
    },
  }
}

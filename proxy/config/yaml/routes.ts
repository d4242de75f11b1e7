import type { Json, PathMatch, RouteRule, Service, WeightedCluster } from '../../../chains/model.ts'
import { configLimits } from '../defaults.ts'
import { uniqueNames } from '../draft.ts'
import type { FaultList } from '../fault-list.ts'
import { rateLimitOf } from './policies.ts'
import type { RateLimitSpec } from './policy-shapes.ts'
import { routeScript, serviceScript } from './script.ts'
import type { InboundRouteSpec, OutboundRouteSpec, PathSpec } from './traffic-shapes.ts'

/** What makes an HTTP service, inbound and outbound alike. */
export interface ServiceParts {
  readonly name: string
  readonly routes: readonly (InboundRouteSpec | OutboundRouteSpec)[] | null
  readonly rateLimit: RateLimitSpec | null
  readonly requestTimeout: number | null
  readonly plugins: Readonly<Record<string, unknown>>
  /** Where requests of a route go; null stands for the route of a service that has none. */
  readonly targetsOf: (route: InboundRouteSpec | OutboundRouteSpec | null) => readonly WeightedCluster[]
}

/** Makes a service. Its routes are sorted: exact paths, then the longest prefix, then expressions as given. */
export function serviceOf(parts: ServiceParts, faults: FaultList): Service {
  const unique = uniqueNames()
  const routes = parts.routes?.map((spec) => routeOf(spec, parts, unique, faults)) ?? [anyRoute(parts)]
  const sorted = routes.toSorted((a, b) => rank(a.path) - rank(b.path) || prefixLength(b) - prefixLength(a))
  const rateLimit = rateLimitOf(parts.rateLimit, faults)
  const plugins = parts.plugins as Readonly<Record<string, Json>>
  return {
    name: parts.name,
    routes: sorted,
    rateLimit,
    plugins,
    script: serviceScript(parts.name, sorted, plugins, rateLimit),
  }
}

const rank = (path: PathMatch): number => ({ exact: 0, prefix: 1, regex: 2 })[path.type]
const prefixLength = ({ path }: RouteRule): number => (path.type === 'prefix' ? path.value.length : 0)

const anyPath: PathMatch = { type: 'prefix', value: '/', includesQuery: false, isSegmentPrefix: true }

function anyRoute(parts: ServiceParts): RouteRule {
  const route = {
    name: 'any',
    path: anyPath,
    methods: null,
    headers: [],
    callers: null,
    targets: parts.targetsOf(null),
    rateLimit: null,
    requestTimeoutMs: parts.requestTimeout,
  }
  return { ...route, script: routeScript(route) }
}

function routeOf(
  spec: InboundRouteSpec | OutboundRouteSpec,
  parts: ServiceParts,
  unique: (name: string) => string,
  faults: FaultList,
): RouteRule {
  const path = pathOf(spec.path, faults)
  const rateLimit = rateLimitOf(spec.rateLimit, faults)
  const route = {
    name: unique(spec.name ?? `${path.type} ${path.value.slice(0, configLimits.maxRouteNameLength)}`),
    path,
    methods: spec.methods,
    headers: Object.entries(spec.headers).map(([name, regex]) => ({ name, regex })),
    callers: 'callers' in spec ? spec.callers : null,
    targets: parts.targetsOf(spec),
    rateLimit,
    requestTimeoutMs: spec.timeout ?? parts.requestTimeout,
  }
  return { ...route, script: routeScript(route) }
}

function pathOf(spec: PathSpec | null, faults: FaultList): PathMatch {
  const rest = { includesQuery: false, isSegmentPrefix: false }
  if (spec === null) return anyPath
  if (typeof spec === 'string') return { type: 'exact', value: spec, ...rest }
  const { exact, prefix, regex } = spec
  const path = faults.pathOf(spec)
  const count = [exact, prefix, regex].filter((one) => one !== null).length
  if (count > 1 || (count === 0 && !faults.isRefused(path))) {
    faults.add(path, 'expected one of exact, prefix and regex')
  }
  if (exact !== null) return { type: 'exact', value: exact, ...rest }
  if (regex !== null) return { type: 'regex', value: regex, ...rest }
  // `/a/` and `/a` mean the same: the slash is part of the test.
  const value = prefix === null ? '/' : prefix.replace(/(?<=.)\/$/, '')
  return { type: 'prefix', value, includesQuery: false, isSegmentPrefix: true }
}

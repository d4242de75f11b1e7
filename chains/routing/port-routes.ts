import { IpRanges } from '../ip-ranges.ts'
import type {
  Cluster,
  Direction,
  HostEntry,
  HttpRules,
  Model,
  PortRule,
  RouteRule,
  Service,
} from '../model.ts'
import type { Tools } from '../tools.ts'
import { HostTable } from './hosts.ts'
import { type ServiceRoutes, serviceRoutes } from './service-routes.ts'
import { Split } from './split.ts'

/** The HTTP rules of one port, made ready once for each generation. */
export interface PortRoutes {
  readonly hosts: HostTable<ServiceRoutes>
  readonly defaultHost: { readonly routes: ServiceRoutes; readonly rewriteHost: string } | null
  /** Where ingress callers come from; null where nobody is one. */
  readonly ingress: IpRanges | null
  /** As in {@link HttpRules}. */
  readonly unmatched: HttpRules['unmatched']
}

/** Makes all HTTP ports of one direction ready, by the name of the port. Throws on a regular expression that is none. */
export function portRoutes(
  direction: Direction,
  tools: Tools,
  model: Model,
): ReadonlyMap<string, PortRoutes> {
  const { ports, clusters } = model[direction]
  const byName = new Map(Object.entries(clusters))
  const compiled = new Map<string, PortRoutes>()
  for (const port of ports) {
    if (port.http) compiled.set(port.name, compile(port, port.http, byName, tools))
  }
  return compiled
}

/** The share-out among the targets of one rule; where it stands outlives a push. */
function splitFor(
  port: PortRule,
  service: Service,
  rule: RouteRule,
  clusters: ReadonlyMap<string, Cluster>,
  tools: Tools,
): Split {
  const name = `${port.direction} ${port.name} ${service.name} ${rule.name}`
  const cursor =
    rule.targets.length > 1
      ? tools.shared.get(`split ${name}`, () => ({ at: Math.floor(tools.random() * 2 ** 20) }))
      : { at: 0 }
  return new Split(rule.targets, clusters, port.direction === 'inbound' ? `cluster of ${name}` : null, cursor)
}

function compile(
  port: PortRule,
  rules: HttpRules,
  clusters: ReadonlyMap<string, Cluster>,
  tools: Tools,
): PortRoutes {
  const services = new Map<Service, ServiceRoutes>()
  // what the application beside us says of itself proves nothing, so outbound does not ask
  const callerMatching = port.direction === 'inbound' ? rules.callerMatching : null
  const routesOf = ({ service }: HostEntry): ServiceRoutes => {
    const known = services.get(service)
    if (known) return known
    const made = serviceRoutes(service, callerMatching, (rule) =>
      splitFor(port, service, rule, clusters, tools),
    )
    services.set(service, made)
    return made
  }
  const { defaultHost } = rules
  return {
    hosts: new HostTable(
      Object.entries(rules.hosts).map(([host, entry]) => [host, routesOf(entry)] as const),
      rules.hostMatching,
    ),
    defaultHost: defaultHost && { routes: routesOf(defaultHost), rewriteHost: defaultHost.rewriteHost },
    ingress: port.sources && new IpRanges(port.sources.map(({ cidr }) => cidr)),
    unmatched: rules.unmatched,
  }
}

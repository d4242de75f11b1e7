import type {
  Direction,
  HostEntry,
  HttpRules,
  Json,
  RouteRule,
  Service,
  TcpRules,
  WeightedCluster,
} from '../../../chains/model.ts'
import { configLimits, fsmDefaults } from '../defaults.ts'
import { uniqueNames } from '../draft.ts'
import { type Path, show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import type { MountedPlugins } from '../manifests/plugins.ts'
import type { ConfigTarget } from '../manifests/service-configs.ts'
import { regex } from '../shape/texts.ts'
import { type Clusters, emptyCluster } from './clusters.ts'
import { httpLimit } from './policies.ts'
import { objectAt } from './script.ts'
import type { FsmInboundMatch, FsmOutboundMatch, FsmRouteRule, FsmRuleSet } from './shapes.ts'

/** What is needed to turn the rules of one direction into the model. */
export interface RuleTools {
  readonly direction: Direction
  readonly clusters: Clusters
  /** The whole config as scripts see it. */
  readonly script: Json
  readonly plugins: MountedPlugins
  readonly faults: FaultList
  readonly allowEgress: boolean
  /** FSM's EnableAutoDefaultRoute, which only the outbound side knows. */
  readonly hasDefaultHost: boolean
}

type FsmMatch = FsmInboundMatch | FsmOutboundMatch

/** The HTTP rules of a match. Each rule set is one service, however many hosts name it. */
export function httpRules(match: FsmMatch, tools: RuleTools): HttpRules {
  const { faults } = tools
  const services = new Map<string, Service>()
  for (const [name, ruleSet] of Object.entries(match.HttpServiceRouteRules ?? {})) {
    services.set(name, serviceOf(name, ruleSet, hostsOf(name, match), tools))
  }
  const hosts = new Map<string, HostEntry>()
  for (const [host, given] of Object.entries(match.HttpHostPort2Service ?? {})) {
    const service = services.get(given.RuleName)
    const key = host.toLowerCase()
    if (!service) {
      faults.warn(
        faults.pathOf(given, 'RuleName'),
        `is ${show(given.RuleName)}: there are no such rules, so the host is unknown`,
      )
    } else if (!hosts.has(key)) hosts.set(key, { service, rewriteHost: given.Service || given.RuleName })
  }
  const [first] = hosts.values()
  return {
    hosts: Object.fromEntries(hosts),
    hostMatching: 'exact',
    defaultHost: tools.hasDefaultHost && first ? first : null,
    callerMatching: 'grouped',
    unmatched: 'denied',
  }
}

/** The TCP rules of a match; none of them when FSM gives none. */
export function tcpRules(match: FsmMatch, tools: RuleTools): TcpRules {
  const given = match.TcpServiceRouteRules
  if (!given) return { targets: [], allowEgress: tools.allowEgress, plugins: {} }
  const chain = `${tools.direction}-tcp` as const
  const names = servicesOf(Object.keys(given.TargetClusters ?? {}))
  return {
    targets: targetsOf(given.TargetClusters, tools),
    allowEgress: tools.allowEgress || (tools.direction === 'outbound' && given.AllowedEgressTraffic === true),
    plugins: configured({ chain, names }, tools.faults.pathOf(given), tools),
  }
}

const hostsOf = (ruleName: string, { HttpHostPort2Service }: FsmMatch): readonly string[] =>
  Object.entries(HttpHostPort2Service ?? {}).flatMap(([host, { RuleName }]) =>
    RuleName === ruleName ? [host] : [],
  )

/** The services, as `name.namespace`, whose clusters these are: FSM calls them `namespace/name|port`. */
function servicesOf(clusters: readonly string[]): readonly string[] {
  return clusters.flatMap((cluster) => {
    const [, namespace, service] = /^([^/|]+)\/([^/|]+)\|/.exec(cluster) ?? []
    return service === undefined ? [] : [`${service}.${namespace}`]
  })
}

/** The configs of a service's plugins, which scripts then see at `path` too. What FSM's config says there stands. */
function configured(target: ConfigTarget, path: Path, tools: RuleTools): Readonly<Record<string, Json>> {
  const script = objectAt(tools.script, path)
  const own = objectAt(tools.script, [...path, 'Plugins'])
  const plugins = tools.plugins.configsOf(target, own)
  if (plugins !== own) script.Plugins = plugins
  return plugins
}

function serviceOf(name: string, ruleSet: FsmRuleSet, hosts: readonly string[], tools: RuleTools): Service {
  const path = tools.faults.pathOf(ruleSet)
  const chain = `${tools.direction}-http` as const
  // Rules for ingress are called otherwise; where they lead says whose they are.
  const targets = (ruleSet.RouteRules ?? []).flatMap((rule) => Object.keys(rule.TargetClusters ?? {}))
  const names = [name, ...hosts, ...(tools.direction === 'inbound' ? servicesOf(targets) : [])]
  const plugins = configured({ chain, names }, path, tools)
  const script = objectAt(tools.script, path)
  const unique = uniqueNames()
  return {
    name,
    routes: (ruleSet.RouteRules ?? []).map((rule) => routeOf(rule, unique, tools)),
    rateLimit: tools.direction === 'inbound' ? httpLimit(ruleSet.RateLimit) : null,
    plugins,
    script: { name, ...script },
  }
}

function routeOf(rule: FsmRouteRule, unique: (name: string) => string, tools: RuleTools): RouteRule {
  const { faults, direction } = tools
  const type = { Regex: 'regex', Exact: 'exact', Prefix: 'prefix' } as const
  if (rule.Type === 'Regex') {
    const parsed = regex.parse(rule.Path)
    if ('problem' in parsed)
      faults.add(faults.pathOf(rule, 'Path'), `is ${show(rule.Path)}: ${parsed.problem}`)
  }
  const isInbound = direction === 'inbound'
  return {
    name: unique(`${type[rule.Type]} ${rule.Path.slice(0, configLimits.maxRouteNameLength)}`),
    path: { type: type[rule.Type], value: rule.Path, includesQuery: true, isSegmentPrefix: false },
    methods: rule.Methods ?? [...fsmDefaults.methods],
    headers: Object.entries(rule.Headers ?? {}).map(([name, source]) => ({ name, regex: source })),
    callers: isInbound ? rule.AllowedServices : null,
    targets: targetsOf(rule.TargetClusters, tools),
    rateLimit: isInbound ? httpLimit(rule.RateLimit) : null,
    requestTimeoutMs: null,
    script: objectAt(tools.script, faults.pathOf(rule)),
  }
}

function targetsOf(
  weights: Readonly<Record<string, number>> | null,
  tools: RuleTools,
): readonly WeightedCluster[] {
  const { clusters, faults } = tools
  return Object.entries(weights ?? {}).map(([cluster, weight]) => {
    if (!clusters.has(cluster)) {
      const path = weights ? faults.pathOf(weights, cluster) : []
      faults.warn(path, `the cluster ${show(cluster)} is not in ClustersConfigs: it has no endpoints`)
      clusters.set(cluster, emptyCluster(cluster))
    }
    return { cluster, weight }
  })
}

import type { Json, PortRule, SourceRange } from '../../../chains/model.ts'
import { spokenProtocol } from '../../../chains/variables.ts'
import { uniqueNames } from '../draft.ts'
import { connectionLimit } from './policies.ts'
import { httpRules, type RuleTools, tcpRules } from './rules.ts'
import { objectAt, partAt, type ScriptObject } from './script.ts'
import type { FsmConfig, FsmInboundMatch, FsmOutboundMatch } from './shapes.ts'

/** What is let in, by destination port. */
export function inboundPorts(config: FsmConfig, tools: RuleTools): readonly PortRule[] {
  const { faults } = tools
  return Object.entries(config.Inbound?.TrafficMatches ?? {}).map(([port, match]): PortRule => {
    if (match.AllowedEndpoints) {
      faults.add(
        faults.pathOf(match, 'AllowedEndpoints'),
        'is not supported for one port: expected it at the top',
      )
    }
    return {
      ...commonOf(port, match, tools),
      name: `inbound_${port}_${match.Protocol}`,
      destinations: null,
      sources: sourcesOf(match),
      connectionLimit: connectionLimit(match.RateLimit),
    }
  })
}

/** What may be called. Matches that ask for the same are joined, as FSM's `config.js` does. */
export function outboundPorts(config: FsmConfig, tools: RuleTools): readonly PortRule[] {
  const unique = uniqueNames()
  const ports: PortRule[] = []
  for (const [port, matches] of Object.entries(config.Outbound?.TrafficMatches ?? {})) {
    for (const match of joinSame(matches, tools)) {
      const ranges = match.DestinationIPRanges && Object.keys(match.DestinationIPRanges)
      ports.push({
        ...commonOf(port, match, tools),
        name: unique(['outbound', port, match.Protocol, ...(ranges?.toSorted().slice(0, 1) ?? [])].join('_')),
        destinations: ranges,
        sources: null,
        connectionLimit: null,
      })
    }
    const list = partAt(tools.script, ['Outbound', 'TrafficMatches'])
    if (list)
      (list as ScriptObject)[port] = ports.filter((rule) => rule.port === Number(port)).map((r) => r.script)
  }
  return ports
}

function commonOf(port: string, match: FsmInboundMatch | FsmOutboundMatch, tools: RuleTools) {
  const isHttp = spokenProtocol(match.Protocol) === 'http'
  return {
    direction: tools.direction,
    port: Number(port),
    protocol: match.Protocol,
    http: isHttp ? httpRules(match, tools) : null,
    tcp: isHttp ? null : tcpRules(match, tools),
    script: objectAt(tools.script, tools.faults.pathOf(match)),
  }
}

function sourcesOf(match: FsmInboundMatch): readonly SourceRange[] | null {
  if (!match.SourceIPRanges) return null
  return Object.entries(match.SourceIPRanges).map(([cidr, security]) => ({
    cidr,
    mutualTls: security?.mTLS ?? false,
    skipClientCertificateCheck: security?.SkipClientCertValidation ?? false,
    principals: security?.AuthenticatedPrincipals ?? null,
  }))
}

/** Joins matches of the same port, protocol and destinations; the first one's entries win. Scripts see the same. */
function joinSame(matches: readonly FsmOutboundMatch[], tools: RuleTools): readonly FsmOutboundMatch[] {
  const { faults, script } = tools
  const joined = new Map<string, FsmOutboundMatch>()
  for (const match of matches) {
    const identity = identityOf(match)
    const first = joined.get(identity)
    const own = objectAt(script, faults.pathOf(match))
    if (!first) {
      own.Identity = identity
      joined.set(identity, match)
      continue
    }
    const merged: FsmOutboundMatch = {
      ...first,
      HttpHostPort2Service: union(first.HttpHostPort2Service, match.HttpHostPort2Service),
      HttpServiceRouteRules: union(first.HttpServiceRouteRules, match.HttpServiceRouteRules),
    }
    faults.remember(merged, faults.pathOf(first))
    joined.set(identity, merged)
    const target = objectAt(script, faults.pathOf(first))
    for (const key of ['HttpHostPort2Service', 'HttpServiceRouteRules']) {
      const both = union(recordOf(target[key]), recordOf(own[key]))
      if (both) target[key] = both
    }
  }
  return [...joined.values()]
}

function identityOf(match: FsmOutboundMatch): string {
  const ranges = match.DestinationIPRanges ? Object.keys(match.DestinationIPRanges).toSorted() : ['*']
  return [match.Port, match.Protocol, ...ranges].join('_')
}

function union<T>(
  first: Readonly<Record<string, T>> | null,
  second: Readonly<Record<string, T>> | null,
): Readonly<Record<string, T>> | null {
  return first && second ? { ...second, ...first } : (first ?? second)
}

function recordOf(value: Json | undefined): Readonly<Record<string, Json>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, Json>>)
    : null
}

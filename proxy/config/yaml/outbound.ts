import type {
  Cluster,
  HttpRules,
  OriginalDestination,
  PortRule,
  Protocol,
  Service,
} from '../../../chains/model.ts'
import { spokenProtocol } from '../../../chains/variables.ts'
import { uniqueNames } from '../draft.ts'
import { show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import type { FlagSettings } from '../flags.ts'
import type { MountedPlugins } from '../manifests/plugins.ts'
import type { Address } from '../settings.ts'
import type { ConfigSpec, OutboundSpec } from './config-shape.ts'
import { inOrder, originalDestinationOf, type Plan, type PlannedListener } from './listeners.ts'
import { portScript } from './script.ts'
import { type BuiltService, buildService } from './services.ts'

interface OutboundTools {
  readonly flags: FlagSettings
  readonly faults: FaultList
  readonly clusters: Map<string, Cluster>
  readonly plugins: MountedPlugins
}

/** Services that share a destination, and so a port rule. */
interface Group {
  readonly port: number | null
  readonly protocol: Protocol
  readonly addresses: readonly string[] | null
  readonly members: BuiltService[]
}

/** The outbound half of the config. */
export function planOutbound(config: ConfigSpec, tools: OutboundTools): Plan {
  const { flags, faults } = tools
  const spec = config.outbound
  if (!spec) {
    if (flags.outbound) faults.warn(['outbound'], 'is missing: --outbound has no effect')
    return { ports: [], listeners: [] }
  }
  const mode = originalDestinationOf(config, spec, flags, faults)
  const addresses = sharedAddresses(spec, flags)
  const built = buildAll(spec, tools)
  // How they are told apart hangs on that.
  if (mode === null) return { ports: [], listeners: [] }
  const own = built.filter((service) => service.spec.listen !== null)
  const shared = built.filter(
    ({ spec: one }) => one.listen === null && !faults.isRefused(faults.pathOf(one), 'listen'),
  )
  const unique = uniqueNames()
  const listeners: PlannedListener[] = []
  const ports: PortRule[] = []
  for (const service of own) {
    const { listen } = service.spec
    if (!listen) continue
    refuseDestinations(service, '`listen`', faults)
    const group = {
      port: listen.port || null,
      protocol: service.spec.protocol,
      addresses: null,
      members: [service],
    }
    const rule = ruleOf(group, unique(service.spec.name), spec.egress, faults)
    ports.push(rule)
    const by = faults.pathOf(service.spec, 'listen')
    listeners.push({ direction: 'outbound', address: listen, by, originalDestination: 'listener', rule })
  }
  const groups = mode === 'listener' ? oneGroup(shared, faults) : groupByDestination(shared, mode, faults)
  const rules = groups.map((group) => ruleOf(group, unique(nameOf(group)), spec.egress, faults))
  checkShared(spec, mode, addresses, shared, tools)
  for (const { address, by } of addresses) {
    const rule = mode === 'listener' ? (rules[0] ?? null) : null
    listeners.push({ direction: 'outbound', address, by, originalDestination: mode, rule })
  }
  return { ports: inOrder([...ports, ...rules]), listeners }
}

function buildAll(spec: OutboundSpec, { faults, clusters, plugins }: OutboundTools): readonly BuiltService[] {
  const names = new Set<string>()
  return spec.services.map((service) => {
    const { name } = service
    if (names.has(name))
      faults.add(faults.pathOf(service, 'name'), `is ${show(name)}, which another service is called`)
    names.add(name)
    return buildService(service, clusters, plugins, faults)
  })
}

function sharedAddresses(
  spec: OutboundSpec,
  flags: FlagSettings,
): readonly Pick<PlannedListener, 'address' | 'by'>[] {
  if (flags.outbound) return flags.outbound.map((address) => ({ address, by: '--outbound' }))
  if (spec.listen === null) return []
  if (!Array.isArray(spec.listen)) return [{ address: spec.listen as Address, by: ['outbound', 'listen'] }]
  return spec.listen.map((address: Address, i) => ({ address, by: ['outbound', 'listen', i] }))
}

/** Whether those who share `outbound.listen` have one, and it them. */
function checkShared(
  spec: OutboundSpec,
  mode: OriginalDestination,
  addresses: readonly unknown[],
  shared: readonly BuiltService[],
  { faults }: OutboundTools,
): void {
  const isListenRefused = faults.isRefused(['outbound'], 'listen') || faults.isFlagRefused('--outbound')
  if (addresses.length === 0 && !isListenRefused) {
    for (const service of shared)
      faults.add(faults.pathOf(service.spec), 'needs `listen`, here or in `outbound`')
    if (spec.services.length === 0 && !faults.isRefused(['outbound'], 'services')) {
      faults.add(['outbound'], 'needs `listen`: an address such as 127.0.0.1:15001')
    }
  }
  if (mode !== 'listener') return
  if (spec.egress) {
    faults.add(
      ['outbound', 'egress'],
      'needs to know where connections were going: expected an originalDestination other than listener',
    )
  }
  if (addresses.length > 0 && shared.length === 0 && !faults.isRefused(['outbound'], 'services')) {
    faults.add(
      ['outbound', 'listen'],
      'has nothing to serve: there is no service without a `listen` of its own',
    )
  }
}

function refuseDestinations(service: BuiltService, reason: string, faults: FaultList): void {
  for (const key of ['ports', 'addresses'] as const) {
    if (service.spec[key]) {
      faults.add(
        faults.pathOf(service.spec, key),
        `has no meaning with ${reason}: the destination is not looked at`,
        'key',
      )
    }
  }
}

/** With `listener`, everything that comes in by the shared port is told apart by host. */
function oneGroup(services: readonly BuiltService[], faults: FaultList): readonly Group[] {
  const [first] = services
  if (!first) return []
  const { protocol } = first.spec
  for (const service of services) {
    refuseDestinations(service, 'originalDestination: listener', faults)
    const path = faults.pathOf(service.spec)
    if (faults.isRefused(path, 'protocol') || faults.isRefused(faults.pathOf(first.spec), 'protocol'))
      continue
    if (spokenProtocol(service.spec.protocol) === 'tcp') {
      faults.add(
        path,
        `needs a \`listen\` of its own: ${service.spec.protocol} names no host to tell services apart by`,
      )
    } else if (service.spec.protocol !== protocol) {
      faults.add(
        [...path, 'protocol'],
        `is ${service.spec.protocol}, but ${protocol} is spoken on this port already`,
      )
    }
  }
  return [
    { port: null, protocol, addresses: null, members: services.filter(({ service }) => service !== null) },
  ]
}

function groupByDestination(
  services: readonly BuiltService[],
  mode: OriginalDestination,
  faults: FaultList,
): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const service of services) {
    const { spec } = service
    const { protocol, addresses } = spec
    const isTcp = spokenProtocol(protocol) === 'tcp'
    if (isTcp && mode === 'header') {
      faults.warn(
        faults.pathOf(spec),
        `speaks ${protocol}, which has no headers to name a destination in: it needs a \`listen\` of its own, or proxy-protocol`,
      )
    }
    for (const port of new Set(spec.ports ?? [null])) {
      const key = [port ?? 'any', ...(addresses?.toSorted() ?? [])].join(' ')
      const group = groups.get(key)
      const rival = group?.members[0]
      if (!group || !rival) groups.set(key, { port, protocol, addresses, members: [service] })
      else if (isPlaceRefused(spec, faults) || isPlaceRefused(rival.spec, faults)) continue
      else if (isTcp || group.protocol !== protocol) {
        const where = port === null ? 'the same destinations' : `port ${port} of the same destinations`
        faults.add(
          faults.pathOf(spec),
          `is for ${where} as ${show(rival.spec.name)} (${group.protocol}): they cannot be told apart`,
        )
      } else group.members.push(service)
    }
  }
  return [...groups.values()]
}

/** Whether what decides where a service belongs could not be read. */
const isPlaceRefused = (spec: BuiltService['spec'], faults: FaultList): boolean =>
  faults.isRefused(faults.pathOf(spec), 'ports', 'addresses', 'protocol')

function nameOf({ port, addresses, members, protocol }: Group): string {
  const [first] = members
  if (first && spokenProtocol(protocol) === 'tcp') return first.spec.name
  return ['outbound', port ?? 'any', ...(addresses?.slice(0, 1) ?? [])].join('-')
}

function ruleOf(group: Group, name: string, egress: boolean, faults: FaultList): PortRule {
  const facts = {
    direction: 'outbound',
    name,
    port: group.port,
    protocol: group.protocol,
    destinations: group.addresses,
    sources: null,
    connectionLimit: null,
  } as const
  const [first] = group.members
  if (first && spokenProtocol(group.protocol) === 'tcp') {
    const tcp = { targets: first.targets, allowEgress: egress, plugins: first.plugins }
    return { ...facts, http: null, tcp, script: portScript(facts, group.port ?? 0, { tcp }) }
  }
  const hosts = hostsOf(group.members, faults)
  const http: HttpRules = {
    hosts: Object.fromEntries(
      [...hosts].map(([host, service]) => [host, { service, rewriteHost: service.name }]),
    ),
    hostMatching: 'flexible',
    defaultHost: null,
    callerMatching: 'filtered',
    unmatched: 'absent',
  }
  return { ...facts, http, tcp: null, script: portScript(facts, group.port ?? 0, { services: [...hosts] }) }
}

function hostsOf(members: readonly BuiltService[], faults: FaultList): ReadonlyMap<string, Service> {
  const hosts = new Map<string, Service>()
  for (const { spec, service, hosts: names } of members) {
    if (!service) continue
    names.forEach((host, i) => {
      const rival = hosts.get(host)
      if (!rival) hosts.set(host, service)
      else if (rival !== service) {
        const path = spec.hosts ? faults.pathOf(spec.hosts, i) : faults.pathOf(spec, 'name')
        faults.add(path, `is ${show(host)}, a host of ${show(rival.name)} already`)
      }
    })
  }
  return hosts
}

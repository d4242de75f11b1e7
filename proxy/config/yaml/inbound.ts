import type { Cluster, OriginalDestination, PortRule, Service } from '../../../chains/model.ts'
import { spokenProtocol } from '../../../chains/variables.ts'
import { uniqueNames } from '../draft.ts'
import { looseFault } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import type { FlagSettings } from '../flags.ts'
import type { MountedPlugins } from '../manifests/plugins.ts'
import type { Address } from '../settings.ts'
import { formatAddress } from '../shape/texts.ts'
import { clusterOf } from './clusters.ts'
import type { ConfigSpec } from './config-shape.ts'
import { refuseHttpKeys } from './http-only.ts'
import { inOrder, originalDestinationOf, type Plan, type PlannedListener } from './listeners.ts'
import { connectionLimitOf } from './policies.ts'
import { serviceOf } from './routes.ts'
import { portScript } from './script.ts'
import type { InboundRuleSpec } from './traffic-shapes.ts'

interface InboundTools {
  readonly flags: FlagSettings
  readonly faults: FaultList
  readonly clusters: Map<string, Cluster>
  readonly plugins: MountedPlugins
}

/** A rule of the file with all that follows for it. */
interface Entry {
  readonly spec: InboundRuleSpec
  readonly mode: OriginalDestination
  /** Whether it has that mode, or only got one because its own was refused. */
  readonly isModeSure: boolean
  readonly listen: Address | null
  readonly rule: PortRule
}

/** The inbound half of the config. */
export function planInbound(config: ConfigSpec, tools: InboundTools): Plan {
  const { flags, faults } = tools
  const unique = uniqueNames()
  const entries = config.inbound.map((spec, i): Entry => {
    const given = originalDestinationOf(config, spec, flags, faults)
    const mode = given ?? config.originalDestination
    const listen = (mode === 'listener' ? flags.inbound?.[i] : undefined) ?? spec.listen
    const port = spec.port ?? (mode === 'listener' && listen?.port ? listen.port : null)
    return { spec, mode, isModeSure: given !== null, listen, rule: ruleOf(spec, port, unique, tools) }
  })
  checkRules(entries, faults)
  // What a rule that was refused would have listened on is not known.
  const isWhole =
    entries.every(({ isModeSure }) => isModeSure) &&
    !faults.hasLostItems(config.inbound) &&
    !faults.isFlagRefused('--inbound')
  const listeners = listenersOf(entries, isWhole, tools)
  return { ports: inOrder(entries.map(({ rule }) => rule)), listeners }
}

function ruleOf(
  spec: InboundRuleSpec,
  port: number | null,
  unique: (name: string) => string,
  tools: InboundTools,
): PortRule {
  const { faults } = tools
  const path = faults.pathOf(spec)
  const [first] = spec.endpoints ?? []
  const application = spec.application ?? (first && 'address' in first ? first.address : first) ?? null
  if (spec.application && spec.endpoints)
    faults.add([...path, 'endpoints'], 'cannot stand beside `application`', 'key')
  if (!application && !faults.isRefused(path, 'application', 'endpoints')) {
    faults.add(path, 'needs `application`: the address of the application, such as 127.0.0.1:8080')
  }
  const name = unique(spec.name ?? `inbound-${port ?? application?.port ?? 'any'}`)
  const endpoints = spec.endpoints ?? (spec.application ? [spec.application] : [])
  tools.clusters.set(name, clusterOf(name, 'inbound', endpoints, [spec], faults))
  const targets = [{ cluster: name, weight: 100 }]
  const facts = {
    direction: 'inbound',
    name,
    port,
    protocol: spec.protocol,
    destinations: null,
    sources: null,
    connectionLimit: connectionLimitOf(spec.connectionLimit, faults),
  } as const
  const applicationPort = application?.port ?? port ?? 0
  const spoken = spokenProtocol(spec.protocol)
  const names = [name, ...(spec.hosts ?? [])]
  const own = spec.plugins as PortRule['script']
  const plugins = tools.plugins.configsOf({ chain: `inbound-${spoken}`, names }, own)
  if (spoken === 'tcp') {
    refuseHttpKeys(spec, faults)
    const tcp = { targets, allowEgress: false, plugins }
    return { ...facts, http: null, tcp, script: portScript(facts, applicationPort, { tcp }) }
  }
  const service = serviceOf({ ...spec, name, plugins, targetsOf: () => targets }, faults)
  const hosts = [...new Set(spec.hosts ?? ['*'])].map((host): [string, Service] => [host, service])
  const http = {
    hosts: Object.fromEntries(hosts.map(([host]) => [host, { service, rewriteHost: name }])),
    hostMatching: 'flexible',
    defaultHost: null,
    callerMatching: 'filtered',
    unmatched: 'absent',
  } as const
  return { ...facts, http, tcp: null, script: portScript(facts, applicationPort, { services: hosts }) }
}

/** Where the destination decides, two rules for the same one leave the second without work. */
function checkRules(entries: readonly Entry[], faults: FaultList): void {
  const seen = new Map<number | null, string>()
  for (const { spec, mode, isModeSure, rule } of entries) {
    if (!isModeSure || mode === 'listener' || faults.isRefused(faults.pathOf(spec), 'port')) continue
    const rival = seen.get(rule.port)
    const port = rule.port === null ? 'any port' : `port ${rule.port}`
    if (rival)
      faults.add(
        faults.pathOf(spec),
        `is for ${port}, and so is ${rival} before it: give each its own \`port\``,
      )
    else seen.set(rule.port, rule.name)
    if (mode === 'header' && rule.tcp) {
      faults.warn(
        faults.pathOf(spec),
        `speaks ${rule.protocol}, which has no headers to name a destination in: it needs originalDestination listener or proxy-protocol`,
      )
    }
  }
}

function listenersOf(
  entries: readonly Entry[],
  isWhole: boolean,
  { flags, faults }: InboundTools,
): readonly PlannedListener[] {
  const isOwn = ({ mode, isModeSure }: Entry) => mode === 'listener' && isModeSure
  const own = entries.filter(isOwn)
  const shared = entries.filter((entry) => !isOwn(entry))
  const flagCount = flags.inbound?.length ?? 0
  if (isWhole && flags.inbound && own.length > 0 && (shared.length > 0 || flagCount !== own.length)) {
    const message = `is given ${flagCount} times, and there are ${own.length} inbound rules with their own address: give one for each, in their order`
    faults.addLoose(looseFault('--inbound', message))
  }
  if (flags.inbound && entries.length === 0) faults.warn(['inbound'], 'is empty: --inbound has no effect')
  const listeners: PlannedListener[] = []
  own.forEach(({ spec, mode, listen, rule }) => {
    if (!listen) {
      if (!faults.isRefused(faults.pathOf(spec), 'listen') && !faults.isFlagRefused('--inbound'))
        faults.add(faults.pathOf(spec), 'needs `listen`: an address such as 127.0.0.1:15003')
      return
    }
    const by = flags.inbound ? '--inbound' : faults.pathOf(spec, 'listen')
    listeners.push({ direction: 'inbound', address: listen, by, originalDestination: mode, rule })
  })
  if (shared.length === 0) return listeners
  const [first] = shared
  if (flags.inbound && own.length === 0 && first) {
    const modes = new Set(shared.map(({ mode }) => mode))
    if (isWhole && modes.size > 1)
      faults.addLoose(
        looseFault('--inbound', 'is given, but the inbound rules differ in originalDestination'),
      )
    for (const address of flags.inbound) {
      listeners.push({
        direction: 'inbound',
        address,
        by: '--inbound',
        originalDestination: first.mode,
        rule: null,
      })
    }
    return listeners
  }
  const known = new Set<string>()
  for (const { spec, mode, listen } of shared) {
    const key = listen ? `${mode} ${formatAddress(listen)}` : null
    if (!listen || key === null || known.has(key)) continue
    known.add(key)
    const by = faults.pathOf(spec, 'listen')
    listeners.push({ direction: 'inbound', address: listen, by, originalDestination: mode, rule: null })
  }
  const isRefused = shared.some(({ spec }) => faults.isRefused(faults.pathOf(spec), 'listen'))
  if (isWhole && known.size === 0 && first && !isRefused) {
    faults.add(faults.pathOf(first.spec), 'needs `listen`: an address such as 0.0.0.0:15003')
  }
  return listeners
}

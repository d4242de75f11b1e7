import { defaultSteps } from '../../../chains/catalogue.ts'
import type { ChainName, Direction, DirectionRules, Json, Model, StepConfig } from '../../../chains/model.ts'
import { chainNames } from '../../../chains/model.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import type { Probe } from '../../../chains/settings.ts'
import { type Claim, checkClaims } from '../claims.ts'
import { defaults, fsmDefaults } from '../defaults.ts'
import { accessLogOf, type Draft, type Given, portOf } from '../draft.ts'
import { show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import { identityOf } from '../identity.ts'
import type { Site } from '../manifests/mounts.ts'
import { type MountedPlugins, mountPlugins } from '../manifests/plugins.ts'
import type { LogLevel } from '../settings.ts'
import { readShape } from '../shape/read.ts'
import { inGivenOrder } from '../step-order.ts'
import { inboundClusters, outboundClusters } from './clusters.ts'
import { fsmListeners } from './listeners.ts'
import { warnOfNotYet } from './not-yet.ts'
import { milliseconds } from './policies.ts'
import { inboundPorts, outboundPorts } from './ports.ts'
import type { RuleTools } from './rules.ts'
import { objectAt, partAt, scriptTree } from './script.ts'
import { type FsmConfig, fsmShape } from './shapes.ts'

/** One of these is in every config that FSM makes; an empty one is what its repository begins with. */
const ownKeys: ReadonlySet<string> = new Set([
  'Spec',
  'Inbound',
  'Outbound',
  'Chains',
  'AllowedEndpoints',
  'Ts',
  'Version',
])

/** Turns FSM's `config.json` into the model; null when it is nothing of the kind. */
export function buildFsm(root: unknown, given: Given, faults: FaultList): Draft | null {
  const { script, secrets } = scriptTree(root, faults)
  const config = readShape(fsmShape, script, faults, 'lenient')
  if (!config) return null
  const keys = Object.keys(objectAt(script, []))
  if (keys.length > 0 && !keys.some((key) => ownKeys.has(key))) {
    faults.add([], 'is no config of FSM: expected `Spec`, `Inbound` or `Outbound` in it, or our YAML')
    return null
  }
  const identity = fsmIdentity(config, given)
  const site: Site = {
    identity,
    namespaceLabels: given.flags.namespaceLabels,
    chains: fsmChains(config, faults),
    pathOf: (chain, step) => ['Chains', chain, config.Chains?.[chain]?.indexOf(step) ?? 0],
  }
  const plugins = mountPlugins(given.library, site, faults)
  const rules = rulesOf(config, script, plugins, faults)
  warnOfNotYet(config, faults)
  const specs = plugins.specs()
  const model: Model = {
    identity,
    listeners: fsmListeners(config, rules, given, faults),
    ...rules,
    chains: plugins.chains,
    timeouts: fsmTimeouts(config),
    limits: defaults.limits,
    forwarding: fsmDefaults.forwarding,
    accessLog: accessLogOf(given.flags, null),
    fsmMetrics: true,
    probes: fsmProbes(config),
    plugins: specs,
    script: objectAt(script, []),
    secrets: specs.some(maySeeSecrets) ? secrets : [],
  }
  const process = processOf(config, given, faults)
  const claims: readonly Claim[] = [
    ...model.listeners.map(({ direction, host, port }) => ({
      address: { host, port },
      by: `--${direction}`,
    })),
    ...(process.admin ? [{ address: process.admin, by: '--admin' }] : []),
    ...(process.metrics ? [{ address: process.metrics, by: '--metrics' }] : []),
  ]
  checkClaims(claims, faults)
  return { model, process, adminTokenFile: null }
}

const maySeeSecrets = ({ policy, previous }: PluginSpec): boolean =>
  policy.grants.config || previous?.policy.grants.config === true

function rulesOf(
  config: FsmConfig,
  script: Json,
  plugins: MountedPlugins,
  faults: FaultList,
): Record<Direction, DirectionRules> {
  const allowEgress = config.Spec?.Traffic?.EnableEgress === true
  const hasDefaultHost = config.Spec?.FeatureFlags?.EnableAutoDefaultRoute === true
  const tools = { script, plugins, faults }
  const inbound: RuleTools = {
    ...tools,
    direction: 'inbound',
    clusters: inboundClusters(config, script, faults),
    allowEgress: false,
    hasDefaultHost: false,
  }
  const outbound: RuleTools = {
    ...tools,
    direction: 'outbound',
    clusters: outboundClusters(config, script, faults),
    allowEgress,
    hasDefaultHost,
  }
  // Ports first: they add the clusters that nobody describes.
  const ports = { inbound: inboundPorts(config, inbound), outbound: outboundPorts(config, outbound) }
  return {
    inbound: {
      ports: ports.inbound,
      clusters: Object.fromEntries(inbound.clusters),
      allowedSources: allowedSources(config, faults),
      allowEgress: false,
    },
    outbound: {
      ports: ports.outbound,
      clusters: Object.fromEntries(outbound.clusters),
      allowedSources: null,
      allowEgress,
    },
  }
}

function processOf(config: FsmConfig, { flags }: Given, faults: FaultList): Draft['process'] {
  const usual = defaults.process
  return {
    admin: flags.admin === null ? usual.admin : portOf(flags.admin),
    metrics: flags.metrics === null ? usual.metrics : portOf(flags.metrics),
    workers: flags.workers ?? usual.workers,
    logLevel: flags.logLevel ?? fsmLogLevel(config, faults),
  }
}

function fsmIdentity(config: FsmConfig, { flags, env }: Given) {
  const nothing = { namespace: null, serviceAccount: null, podName: null, workloadKind: null, labels: null }
  return identityOf({ ...nothing, serviceIdentity: config.Spec?.ServiceIdentity ?? null }, flags, env)
}

/** FSM lets in who is listed, and so nobody when there is no list. */
function allowedSources(config: FsmConfig, faults: FaultList): readonly string[] {
  const sources = Object.keys(config.AllowedEndpoints ?? {})
  if (sources.length === 0 && config.Inbound?.TrafficMatches) {
    faults.warn(['AllowedEndpoints'], 'is empty or missing: no inbound connection is let in')
  }
  return sources
}

function fsmTimeouts(config: FsmConfig) {
  const ms = milliseconds(config.Spec?.SidecarTimeout ?? fsmDefaults.timeoutSeconds)
  return { ...defaults.timeouts, connectMs: ms, requestHeadMs: ms, idleMs: ms }
}

function fsmLogLevel(config: FsmConfig, faults: FaultList): LogLevel {
  const levels: Readonly<Record<string, LogLevel>> = {
    trace: 'debug',
    debug: 'debug',
    info: 'info',
    warn: 'warn',
    warning: 'warn',
    error: 'error',
    fatal: 'error',
    panic: 'error',
    disabled: 'error',
  }
  const word = config.Spec?.SidecarLogLevel
  if (!word) return defaults.process.logLevel
  if (Object.hasOwn(levels, word)) return levels[word] ?? defaults.process.logLevel
  faults.warn(
    ['Spec', 'SidecarLogLevel'],
    `is ${show(word)}, which is unknown: taken as ${defaults.process.logLevel}`,
  )
  return defaults.process.logLevel
}

/** Ports 15901 to 15903, each when FSM's first probe of its kind asks on exactly that port. */
function fsmProbes(config: FsmConfig): readonly Probe[] {
  const given = config.Spec?.Probes
  const kinds = [
    ['liveness', 15_901, given?.LivenessProbes],
    ['readiness', 15_902, given?.ReadinessProbes],
    ['startup', 15_903, given?.StartupProbes],
  ] as const
  return kinds.flatMap(([kind, port, probes]) => {
    const asked = partAt((probes?.[0] ?? null) as Json, ['httpGet', 'port'])
    // The kubelet asks from outside the pod.
    return asked === port ? [{ kind, port, host: '0.0.0.0' }] : []
  })
}

/** The chains in FSM's order. Our retry step, which FSM has inside its load balancing, is put before that. */
function fsmChains(config: FsmConfig, faults: FaultList): Model['chains'] {
  const usual = defaultSteps('fsm')
  const chain = (name: ChainName): readonly StepConfig[] => {
    const given = config.Chains?.[name]
    if (!given) return usual[name]
    const names = [...new Set(given)]
    if (names.length < given.length)
      faults.warn(faults.pathOf(given), 'names a step twice: the first place counts')
    const retry = 'modules/outbound-retry.js'
    const balancing = names.indexOf('modules/outbound-http-load-balancing.js')
    if (name === 'outbound-http' && balancing >= 0 && !names.includes(retry))
      names.splice(balancing, 0, retry)
    return inGivenOrder(name, names)
  }
  return Object.fromEntries(chainNames.map((name) => [name, chain(name)])) as Model['chains']
}

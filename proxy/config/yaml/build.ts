import type { Cluster, Model } from '../../../chains/model.ts'
import type { AccessLogConfig, ForwardingHeaders, Limits, Timeouts } from '../../../chains/settings.ts'
import { type Claim, checkClaims } from '../claims.ts'
import { defaults, unlimited } from '../defaults.ts'
import { accessLogOf, type Draft, type Given, portOf } from '../draft.ts'
import type { FaultList } from '../fault-list.ts'
import { automaticWorkers } from '../flags.ts'
import { identityOf } from '../identity.ts'
import type { Site } from '../manifests/mounts.ts'
import { mountPlugins } from '../manifests/plugins.ts'
import { readShape } from '../shape/read.ts'
import { SubstitutedText, unreadable } from '../source/source.ts'
import { chainsOf, stepPath } from './chains.ts'
import { type ConfigSpec, configShape } from './config-shape.ts'
import { planInbound } from './inbound.ts'
import { finishListeners } from './listeners.ts'
import { planOutbound } from './outbound.ts'
import { looksLikeConfig, noConfig } from './recognise.ts'
import { configScript } from './script.ts'

/** Reads our own YAML; null when it is nothing of the kind. */
export function readYaml(root: unknown, faults: FaultList): ConfigSpec | null {
  if (!isForeign(root)) return readShape(configShape, root ?? {}, faults, 'strict')
  faults.add([], noConfig)
  return null
}

/** Turns our own YAML into the model. */
export function buildYaml(config: ConfigSpec, given: Given, faults: FaultList): Draft {
  const { flags, library } = given
  const identity = yamlIdentity(config, given)
  const site: Site = {
    identity,
    namespaceLabels: flags.namespaceLabels ?? config.sidecar?.namespaceLabels ?? null,
    chains: chainsOf(config, faults),
    pathOf: (chain, step) => stepPath(config, chain, step, faults),
  }
  const plugins = mountPlugins(library, site, faults)
  const clusters = { inbound: new Map<string, Cluster>(), outbound: new Map<string, Cluster>() }
  const inbound = planInbound(config, { flags, faults, clusters: clusters.inbound, plugins })
  const outbound = planOutbound(config, { flags, faults, clusters: clusters.outbound, plugins })
  const planned = [...inbound.listeners, ...outbound.listeners]
  if (planned.length === 0 && !faults.hasFaults) {
    faults.add([], 'nothing is listened on: expected `inbound` rules or `outbound`')
  }
  const process = processOf(config, given)
  checkClaims([...planned, ...processClaims(config, process, given)], faults)
  const ports = { inbound: inbound.ports, outbound: outbound.ports }
  const model: Omit<Model, 'script'> = {
    identity,
    listeners: finishListeners(
      planned,
      ports,
      flags.originalDestinationFrom ?? config.originalDestinationFrom,
    ),
    inbound: {
      ports: inbound.ports,
      clusters: Object.fromEntries(clusters.inbound),
      allowedSources: config.allow,
      allowEgress: false,
    },
    outbound: {
      ports: outbound.ports,
      clusters: Object.fromEntries(clusters.outbound),
      allowedSources: null,
      allowEgress: config.outbound?.egress ?? false,
    },
    chains: plugins.chains,
    timeouts: timeoutsOf(config),
    limits: limitsOf(config),
    forwarding: forwardingOf(config),
    accessLog: accessLogOf(flags, accessLogSpec(config)),
    fsmMetrics: config.fsmMetrics,
    probes: [],
    plugins: plugins.specs(),
    // what is secret in our own config is not in its words for scripts at all
    secrets: [],
  }
  const { admin } = config
  const adminTokenFile = admin && typeof admin === 'object' && 'tokenFile' in admin ? admin.tokenFile : null
  return { model: { ...model, script: configScript(model, process.logLevel) }, process, adminTokenFile }
}

/** Whether there is something, and it is no config. Nothing at all is an empty one. */
function isForeign(root: unknown): boolean {
  if (root === null || root === undefined || root === unreadable) return false
  if (typeof root !== 'object' || Array.isArray(root) || root instanceof SubstitutedText) return true
  const keys = Object.keys(root)
  return keys.length > 0 && !looksLikeConfig(keys)
}

function yamlIdentity(config: ConfigSpec, { flags, env }: Given) {
  const { sidecar } = config
  const given = {
    namespace: sidecar?.namespace ?? null,
    serviceAccount: sidecar?.serviceAccount ?? null,
    podName: sidecar?.name ?? null,
    workloadKind: sidecar?.workloadKind ?? null,
    labels: sidecar?.labels ?? null,
    serviceIdentity: null,
  }
  return identityOf(given, flags, env)
}

function processOf(config: ConfigSpec, { flags }: Given): Draft['process'] {
  const { admin } = config
  const address = admin && typeof admin === 'object' && 'address' in admin ? admin.address : admin
  const usual = defaults.process
  const workers = config.workers === 'auto' ? automaticWorkers() : config.workers
  return {
    admin: (flags.admin ?? address) ? portOf(flags.admin ?? address ?? 'off') : usual.admin,
    metrics: portOf(flags.metrics ?? config.metrics),
    workers: flags.workers ?? workers ?? usual.workers,
    logLevel: flags.logLevel ?? config.logLevel,
  }
}

function processClaims(config: ConfigSpec, process: Draft['process'], { flags }: Given): readonly Claim[] {
  const isObject = config.admin !== null && typeof config.admin === 'object' && 'address' in config.admin
  const claims = [
    { address: process.admin, by: flags.admin ? '--admin' : isObject ? ['admin', 'address'] : ['admin'] },
    { address: process.metrics, by: flags.metrics ? '--metrics' : ['metrics'] },
  ]
  return claims.flatMap(({ address, by }) => (address ? [{ address, by }] : []))
}

function timeoutsOf({ timeouts }: ConfigSpec): Timeouts {
  if (!timeouts) return defaults.timeouts
  return {
    connectMs: timeouts.connect,
    requestHeadMs: timeouts.requestHead,
    idleMs: timeouts.idle,
    requestMs: timeouts.request,
    drainMs: timeouts.drain,
  }
}

function limitsOf({ limits }: ConfigSpec): Limits {
  if (!limits) return defaults.limits
  return {
    maxConnections: limits.connections,
    maxHeadBytes: limits.head,
    maxTargetBytes: limits.target,
    maxHeaders: limits.headers,
    maxBodyBytes: limits.body,
    maxRequestsPerConnection: limits.requestsPerConnection ?? unlimited,
    maxReplayBytes: limits.replay,
  }
}

function forwardingOf({ forwarding }: ConfigSpec): ForwardingHeaders {
  if (!forwarding) return defaults.forwarding
  return { ...forwarding, via: forwarding.via === 'off' ? null : forwarding.via }
}

function accessLogSpec({ accessLog }: ConfigSpec): AccessLogConfig | null {
  if (accessLog === null || accessLog === 'off') return null
  if (typeof accessLog === 'string')
    return { path: accessLog, sample: defaults.accessLogSample, fields: null }
  return accessLog
}

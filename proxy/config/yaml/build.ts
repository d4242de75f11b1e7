import type { Cluster, Model } from '../../../chains/model.ts'
import type { AccessLogConfig, ForwardingHeaders, Limits, Timeouts } from '../../../chains/settings.ts'
import { type Claim, checkClaims } from '../claims.ts'
import { defaults, unlimited } from '../defaults.ts'
import { accessLogOf, type Draft, type Given, portOf } from '../draft.ts'
import type { FaultList } from '../fault-list.ts'
import { automaticWorkers } from '../flags.ts'
import { identityOf } from '../identity.ts'
import { readShape } from '../shape/read.ts'
import { chainsOf } from './chains.ts'
import { type ConfigSpec, configShape } from './config-shape.ts'
import { planInbound } from './inbound.ts'
import { finishListeners } from './listeners.ts'
import { planOutbound } from './outbound.ts'
import { configScript } from './script.ts'

/** Turns our own YAML into the model; null when it is nothing of the kind. */
export function buildYaml(root: unknown, given: Given, faults: FaultList): Draft | null {
  const config = readShape(configShape, root ?? {}, faults, 'strict')
  if (!config) return null
  const { flags } = given
  const clusters = { inbound: new Map<string, Cluster>(), outbound: new Map<string, Cluster>() }
  const inbound = planInbound(config, { flags, faults, clusters: clusters.inbound })
  const outbound = planOutbound(config, { flags, faults, clusters: clusters.outbound })
  const planned = [...inbound.listeners, ...outbound.listeners]
  if (planned.length === 0 && !faults.hasFaults) {
    faults.add([], 'nothing is listened on: expected `inbound` rules or `outbound`')
  }
  const process = processOf(config, given)
  checkClaims([...planned, ...processClaims(config, process, given)], faults)
  const ports = { inbound: inbound.ports, outbound: outbound.ports }
  const model: Omit<Model, 'script'> = {
    identity: yamlIdentity(config, given),
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
    chains: chainsOf(config, faults),
    timeouts: timeoutsOf(config),
    limits: limitsOf(config),
    forwarding: forwardingOf(config),
    accessLog: accessLogOf(flags, accessLogSpec(config)),
    fsmMetrics: config.fsmMetrics,
    probes: [],
    plugins: [],
  }
  const { admin } = config
  const adminTokenFile = admin && typeof admin === 'object' && 'tokenFile' in admin ? admin.tokenFile : null
  return { model: { ...model, script: configScript(model, process.logLevel) }, process, adminTokenFile }
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

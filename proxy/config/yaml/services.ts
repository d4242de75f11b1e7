import type { Cluster, Json, Service, WeightedCluster } from '../../../chains/model.ts'
import { spokenProtocol } from '../../../chains/variables.ts'
import { orList, show } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import type { MountedPlugins } from '../manifests/plugins.ts'
import { closest } from '../shape/closest.ts'
import { hostPattern } from '../shape/texts.ts'
import { clusterOf } from './clusters.ts'
import { refuseHttpKeys } from './http-only.ts'
import { serviceOf } from './routes.ts'
import type { InboundRouteSpec, OutboundRouteSpec, ServiceSpec } from './traffic-shapes.ts'

/** An outbound service with its clusters made. */
export interface BuiltService {
  readonly spec: ServiceSpec
  /** Null for one that does not speak HTTP. */
  readonly service: Service | null
  readonly hosts: readonly string[]
  /** Where its traffic goes when no route says otherwise. */
  readonly targets: readonly WeightedCluster[]
  /** Plugin → its configuration for this service. */
  readonly plugins: Readonly<Record<string, Json>>
}

/** Makes a service, and adds its clusters to those of the outbound side. */
export function buildService(
  spec: ServiceSpec,
  clusters: Map<string, Cluster>,
  mounted: MountedPlugins,
  faults: FaultList,
): BuiltService {
  const names = addClusters(spec, clusters, faults)
  const targets = usualTargets(spec, names, faults)
  const spoken = spokenProtocol(spec.protocol)
  const own = spec.plugins as BuiltService['plugins']
  const plugins = mounted.configsOf(
    { chain: `outbound-${spoken}`, names: [spec.name, ...(spec.hosts ?? [])] },
    own,
  )
  if (spoken === 'tcp') {
    refuseHttpKeys(spec, faults)
    return { spec, service: null, hosts: [], targets, plugins }
  }
  const targetsOf = (route: InboundRouteSpec | OutboundRouteSpec | null): readonly WeightedCluster[] => {
    if (!route || !('cluster' in route) || (!route.cluster && !route.split)) {
      if (targets.length === 0 && route) needsSplit(route, spec, names, faults)
      return targets
    }
    if (route.cluster && route.split)
      faults.add(faults.pathOf(route, 'split'), 'cannot stand beside `cluster`', 'key')
    if (route.split) return splitTargets(route.split, spec, names, faults)
    const target =
      route.cluster &&
      targetNamed(route.cluster, faults.pathOf(route, 'cluster'), 'value', spec, names, faults)
    return target ? [{ cluster: target, weight: 100 }] : []
  }
  const service = serviceOf({ ...spec, plugins, targetsOf }, faults)
  if (!spec.routes && targets.length === 0) needsSplit(spec, spec, names, faults)
  return { spec, service, hosts: hostsOf(spec, faults), targets, plugins }
}

/** The name by which a service's clusters are called in its own part of the config → in the model. */
type ClusterNames = ReadonlyMap<string, string>

function addClusters(spec: ServiceSpec, clusters: Map<string, Cluster>, faults: FaultList): ClusterNames {
  const names = new Map<string, string>()
  const add = (short: string, cluster: Cluster, path: readonly (string | number)[]) => {
    if (clusters.has(cluster.name)) faults.add(path, `makes a second cluster ${show(cluster.name)}`, 'key')
    clusters.set(cluster.name, cluster)
    names.set(short, cluster.name)
  }
  if (spec.endpoints) {
    const cluster = clusterOf(spec.name, 'outbound', spec.endpoints, [spec], faults)
    add(spec.name, cluster, faults.pathOf(spec, 'endpoints'))
  }
  for (const [short, given] of Object.entries(spec.clusters)) {
    const cluster = clusterOf(`${spec.name}|${short}`, 'outbound', given.endpoints, [given, spec], faults)
    add(short, cluster, faults.pathOf(given))
  }
  const path = faults.pathOf(spec)
  if (names.size === 0 && !faults.isRefused(path, 'endpoints', 'clusters')) {
    faults.add(path, 'needs `endpoints` or `clusters`: where it runs')
  }
  return names
}

/** Its split; else its own endpoints; else its only cluster; else nothing, and each route must say. */
function usualTargets(spec: ServiceSpec, names: ClusterNames, faults: FaultList): readonly WeightedCluster[] {
  if (spec.split) return splitTargets(spec.split, spec, names, faults)
  const [only] = names.values()
  const usual = spec.endpoints ? names.get(spec.name) : names.size === 1 ? only : undefined
  if (usual !== undefined) return [{ cluster: usual, weight: 100 }]
  if (spokenProtocol(spec.protocol) === 'tcp') needsSplit(spec, spec, names, faults)
  return []
}

/** Reports that several clusters are there and none is chosen by `owner`: a service, or one of its routes. */
function needsSplit(owner: object, spec: ServiceSpec, names: ClusterNames, faults: FaultList): void {
  const path = faults.pathOf(owner)
  const isToldAlready =
    faults.isRefused(path, 'split', 'cluster') || faults.isRefused(faults.pathOf(spec), 'split')
  if (names.size < 2 || isToldAlready) return
  faults.add(
    path,
    `must say by \`split\` or \`cluster\` which cluster is meant: ${orList([...names.keys()])}`,
  )
}

function splitTargets(
  split: Readonly<Record<string, number>>,
  spec: ServiceSpec,
  names: ClusterNames,
  faults: FaultList,
): readonly WeightedCluster[] {
  const targets = Object.entries(split).flatMap(([short, weight]) => {
    const cluster = targetNamed(short, faults.pathOf(split, short), 'key', spec, names, faults)
    return cluster === null ? [] : [{ cluster, weight }]
  })
  const path = faults.pathOf(split)
  const areAllSpare = targets.length > 0 && targets.every(({ weight }) => weight === 0)
  if (areAllSpare && !faults.isRefused(path)) {
    faults.add(path, 'holds only weights of 0: expected at least one above 0')
  }
  return targets
}

function targetNamed(
  short: string,
  path: readonly (string | number)[],
  at: 'key' | 'value',
  spec: ServiceSpec,
  names: ClusterNames,
  faults: FaultList,
): string | null {
  const name = names.get(short)
  if (name !== undefined) return name
  const isMissingForCause =
    // A service without any cluster has been told so.
    names.size === 0 ||
    faults.isRefused(faults.pathOf(spec, 'clusters'), short) ||
    (short === spec.name && faults.isRefused(faults.pathOf(spec), 'endpoints'))
  if (isMissingForCause) return null
  const known = [...names.keys()]
  const best = closest(short, known)
  const hint = best === null ? '' : `; did you mean ${best}?`
  faults.add(
    path,
    `is ${show(short)}, which is no cluster of this service: expected ${orList(known)}${hint}`,
    at,
  )
  return null
}

function hostsOf(spec: ServiceSpec, faults: FaultList): readonly string[] {
  if (spec.hosts) return spec.hosts
  const path = faults.pathOf(spec)
  if (faults.isRefused(path, 'hosts', 'protocol')) return []
  const parsed = hostPattern.parse(spec.name)
  if ('value' in parsed) return [parsed.value]
  faults.add(path, `needs \`hosts\`, because its name ${show(spec.name)} cannot be one`)
  return []
}

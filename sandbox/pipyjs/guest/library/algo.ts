import { hash } from './hash.ts'
import { HashingLoadBalancer } from './hashing.ts'
import { LeastWorkLoadBalancer } from './least-work.ts'
import { LoadBalancer } from './load-balancer.ts'
import { Percentile } from './percentile.ts'
import { Quota } from './quota.ts'
import { ResourcePool } from './resource-pool.ts'
import { RoundRobinLoadBalancer } from './round-robin.ts'
import { SharedMap } from './shared-map.ts'

/** What `algo` has beside caches and routers. */
export const libraryAlgo = {
  Quota,
  SharedMap,
  LoadBalancer,
  RoundRobinLoadBalancer,
  HashingLoadBalancer,
  LeastWorkLoadBalancer,
  ResourcePool,
  Percentile,
  hash,
}

import type { FaultList } from '../fault-list.ts'
import type { InboundRuleSpec, ServiceSpec } from './traffic-shapes.ts'

/** Keys that say something about requests. */
const httpKeys = ['hosts', 'routes', 'rateLimit', 'requestTimeout', 'retry', 'circuitBreaker'] as const

/** Reports keys about requests where bytes are relayed. */
export function refuseHttpKeys(spec: InboundRuleSpec | ServiceSpec, faults: FaultList): void {
  for (const key of httpKeys) {
    if (spec[key] !== null) {
      faults.add(
        faults.pathOf(spec, key),
        `has no meaning for protocol ${spec.protocol}: only for http and grpc`,
        'key',
      )
    }
  }
}

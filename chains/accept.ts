import { IpRanges, parseAddress } from './ip-ranges.ts'
import type { Direction, Listener, Model, PortRule } from './model.ts'
import { tokenBucket } from './policy/token-bucket.ts'
import type { Counter } from './telemetry.ts'
import type { Tools } from './tools.ts'
import { spokenProtocol } from './variables.ts'

/** Why a connection is not served; stands in metrics and logs. */
export const rejections = [
  'no-destination',
  'unknown-port',
  'source-not-allowed',
  'connection-limit',
] as const
/** One of {@link rejections}. */
export type Rejection = (typeof rejections)[number]

/** What is known of a connection when it is accepted. */
export interface Arrival {
  readonly listener: Listener
  readonly remoteAddress: string
  /** Where it was going; empty and 0 when nobody said. */
  readonly destinationAddress: string
  readonly destinationPort: number
  /** Whether it was let in before, under an earlier generation, and so needs no place in the quota. */
  readonly isAdmitted: boolean
}

/** What becomes of a connection: a chain to run it through, or a reset. */
export type Decision =
  | {
      readonly kind: 'serve'
      /** Null for what leaves the mesh without a rule of its own. */
      readonly port: PortRule | null
      readonly isEgress: boolean
      readonly protocol: 'http' | 'tcp'
    }
  | { readonly kind: 'reject'; readonly reason: Rejection }

/** Decides about one connection, and takes it off the quota of its port if it is served. */
export type Acceptance = (arrival: Arrival) => Decision

/** A port rule, ready to be asked. */
interface Gate {
  readonly rule: PortRule
  readonly destinations: IpRanges | null
  /** Takes one of the connections that the rule still allows; false when there is none. */
  readonly admit: () => boolean
  /** The decision for those that are let in, made once. */
  readonly serve: Decision
  readonly serveAsEgress: Decision
}

/**
 * Decides about each new connection of one direction (FSM's `inbound-main` and
 * `outbound-main`), and counts those it refuses. Made once for each generation;
 * throws an `Error` on a range that is none. What connections were let in
 * lately outlives a push.
 */
export function acceptance(model: Model, direction: Direction, tools: Tools): Acceptance {
  const rules = model[direction]
  const gates = rules.ports.map((rule) => gateFor(rule, model, tools))
  // a rule that has a listener of its own is nobody's destination
  const owned = new Set(model.listeners.map((one) => (one.direction === direction ? one.rule : null)))
  const gatesOf = gatesByPort(gates.filter((_gate, index) => !owned.has(index)))
  const allowed = rules.allowedSources && new IpRanges(rules.allowedSources)
  const reject = rejecter(direction, tools)

  const find = (arrival: Arrival): { gate: Gate; isEgress: boolean } | Rejection | null => {
    const { listener, destinationAddress, destinationPort } = arrival
    if (listener.rule !== null) {
      const gate = gates[listener.rule]
      return gate ? { gate, isEgress: false } : 'unknown-port'
    }
    if (destinationPort === 0) return 'no-destination'
    const gate = firstFor(gatesOf(destinationPort), destinationAddress)
    if (gate) return { gate, isEgress: direction === 'outbound' && !gate.destinations }
    if (direction === 'inbound' || !rules.allowEgress) return 'unknown-port'
    return parseAddress(destinationAddress) ? null : 'no-destination'
  }

  return (arrival) => {
    const found = find(arrival)
    if (typeof found === 'string') return reject(found)
    if (allowed && !allowed.has(arrival.remoteAddress)) return reject('source-not-allowed')
    if (!found) return egress
    const { gate, isEgress } = found
    if (!arrival.isAdmitted && !gate.admit()) return reject('connection-limit')
    return isEgress ? gate.serveAsEgress : gate.serve
  }
}

const egress: Decision = { kind: 'serve', port: null, isEgress: true, protocol: 'tcp' }

function gateFor(rule: PortRule, model: Model, tools: Tools): Gate {
  const protocol = spokenProtocol(rule.protocol)
  return {
    rule,
    destinations: rule.destinations && new IpRanges(rule.destinations),
    admit: admission(rule, model, tools),
    serve: { kind: 'serve', port: rule, isEgress: false, protocol },
    serveAsEgress: { kind: 'serve', port: rule, isEgress: true, protocol },
  }
}

/** The rules for one destination port, those for any port among them, in the order of the config. */
function gatesByPort(gates: readonly Gate[]): (port: number) => readonly Gate[] {
  const forAny = gates.filter(({ rule }) => rule.port === null)
  const ports = new Set(gates.map(({ rule }) => rule.port))
  const byPort = new Map(
    [...ports].map((port) => [port, gates.filter(({ rule }) => rule.port === port || rule.port === null)]),
  )
  return (port) => byPort.get(port) ?? forAny
}

/** The first rule that names the destination, else the first that names none. */
function firstFor(gates: readonly Gate[], destination: string): Gate | undefined {
  return (
    gates.find(({ destinations }) => destinations?.has(destination)) ??
    gates.find(({ destinations }) => !destinations)
  )
}

function admission(rule: PortRule, model: Model, tools: Tools): () => boolean {
  const limit = rule.connectionLimit
  if (!limit) return () => true
  const { connections: amount, windowMs, burst } = limit
  const bucket = tools.shared.get(
    `connections ${rule.direction} ${rule.name} ${amount}/${windowMs}/${burst}`,
    () => tokenBucket({ amount, windowMs, burst }, tools.clock),
  )
  const refused = fsmCounter(rule, model, tools)
  return () => {
    const isAdmitted = bucket.take()
    if (!isAdmitted) refused?.add()
    return isAdmitted
  }
}

/** FSM's counter of connections over the limit, which is labelled with the port of the container. */
function fsmCounter(rule: PortRule, { fsmMetrics, identity }: Model, tools: Tools): Counter | null {
  if (!fsmMetrics || rule.direction !== 'inbound') return null
  const pod = identity.podName.split('-', 1)[0] ?? ''
  const port = rule.script.Port ?? rule.port ?? ''
  const label = `${identity.namespace}/${pod}_${port}_${rule.script.Protocol ?? rule.protocol}`
  return tools.meter.counter('sidecar_local_rate_limit_inbound', { label })
}

function rejecter(direction: Direction, tools: Tools): (reason: Rejection) => Decision {
  const counters = new Map(
    rejections.map((reason) => [
      reason,
      tools.meter.counter('pillion_connections_rejected_total', { direction, reason }),
    ]),
  )
  return (reason) => {
    counters.get(reason)?.add()
    return { kind: 'reject', reason }
  }
}

import type { Direction, Listener, OriginalDestination, PortRule } from '../../../chains/model.ts'
import type { Claim } from '../claims.ts'
import type { FaultList } from '../fault-list.ts'
import type { FlagSettings } from '../flags.ts'
import type { ConfigSpec } from './config-shape.ts'

/** A listener before the ports have their final order. */
export interface PlannedListener extends Claim {
  readonly direction: Direction
  readonly originalDestination: OriginalDestination
  /** With `listener`: the rule that it serves. */
  readonly rule: PortRule | null
}

/** What one direction comes to. */
export interface Plan {
  readonly ports: readonly PortRule[]
  readonly listeners: readonly PlannedListener[]
}

/** A part of the config that may say for itself how the destination of a connection is learnt. */
interface Owner {
  readonly originalDestination: OriginalDestination | null
}

/** How the destination of a connection is learnt; null when what says so was refused, so that nobody can know. */
export function originalDestinationOf(
  config: ConfigSpec,
  owner: Owner,
  flags: FlagSettings,
  faults: FaultList,
): OriginalDestination | null {
  const key = 'originalDestination'
  if (faults.isFlagRefused('--original-destination')) return null
  if (flags.originalDestination) return flags.originalDestination
  if (faults.isRefused(faults.pathOf(owner), key)) return null
  if (owner.originalDestination) return owner.originalDestination
  return faults.isRefused([], key) ? null : config.originalDestination
}

/** Rules for one port before those for any, each kind in the order given. */
export function inOrder(ports: readonly PortRule[]): readonly PortRule[] {
  return ports.toSorted((a, b) => Number(a.port === null) - Number(b.port === null))
}

/** Ties listeners to the rules at their final places. */
export function finishListeners(
  planned: readonly PlannedListener[],
  ports: Readonly<Record<Direction, readonly PortRule[]>>,
  trustedSources: readonly string[],
): readonly Listener[] {
  return planned.map(({ direction, address, originalDestination, rule }) => ({
    direction,
    host: address.host,
    port: address.port,
    originalDestination,
    trustedSources,
    rule: rule ? ports[direction].indexOf(rule) : null,
  }))
}

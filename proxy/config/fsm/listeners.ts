import type { Direction, DirectionRules, Listener } from '../../../chains/model.ts'
import { defaults, fsmDefaults } from '../defaults.ts'
import type { Given } from '../draft.ts'
import { looseFault } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'
import type { FsmConfig } from './shapes.ts'

/** FSM's config names no listeners: which there are follows from its parts, where they are from the flags. */
export function fsmListeners(
  config: FsmConfig,
  rulesOf: Readonly<Record<Direction, DirectionRules>>,
  { flags }: Given,
  faults: FaultList,
): readonly Listener[] {
  const isWanted = {
    inbound: Boolean(config.Inbound?.TrafficMatches),
    outbound: config.Outbound !== null || config.Spec?.Traffic?.EnableEgress === true,
  }
  const listeners: Listener[] = []
  for (const direction of ['inbound', 'outbound'] as const) {
    if (!isWanted[direction]) {
      if (flags[direction])
        faults.warn([], `nothing ${direction} is configured: --${direction} has no effect`)
      continue
    }
    const rules = rulesOf[direction].ports
    const mode = flags.originalDestination
    if (mode === 'listener' && rules.length !== 1) {
      const message = `is "listener", and the config has ${rules.length} ${direction} ports: expected exactly one, or header or proxy-protocol`
      faults.addLoose(looseFault('--original-destination', message))
    }
    if (mode === 'header' && rules.some((rule) => rule.tcp)) {
      faults.warn(
        [direction === 'inbound' ? 'Inbound' : 'Outbound'],
        'holds ports that do not speak HTTP: they need --original-destination proxy-protocol',
      )
    }
    for (const { host, port } of flags[direction] ?? [fsmDefaults[direction]]) {
      listeners.push({
        direction,
        host,
        port,
        originalDestination: mode ?? defaults.originalDestination,
        trustedSources: flags.originalDestinationFrom ?? defaults.trustedSources,
        rule: mode === 'listener' ? 0 : null,
      })
    }
  }
  if (listeners.length === 0) faults.warn([], 'has neither Inbound nor Outbound: nothing is listened on')
  else if (flags.originalDestination === null && !faults.isFlagRefused('--original-destination')) {
    const message =
      "is missing: FSM's config names no listeners; pass header, proxy-protocol, or listener if there is one port"
    faults.addLoose(looseFault('--original-destination', message))
  }
  return listeners
}

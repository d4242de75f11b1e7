import type { FaultList } from '../fault-list.ts'
import type { FsmConfig, FsmInboundMatch, FsmOutboundMatch } from './shapes.ts'

const noTls = 'asks for TLS, which is not there yet: the traffic is carried in plain text'

/**
 * Warns of what the config asks for and we read without doing it, where that
 * could be taken for done: TLS. A certificate of the sidecar alone asks for
 * nothing.
 */
export function warnOfNotYet(config: FsmConfig, faults: FaultList): void {
  for (const match of Object.values(config.Inbound?.TrafficMatches ?? {})) {
    warnOfSources(match, faults)
  }
  for (const match of Object.values(config.Outbound?.TrafficMatches ?? {}).flat()) {
    warnOfDestinations(match, faults)
  }
  for (const cluster of Object.values(config.Outbound?.ClustersConfigs ?? {})) {
    if (cluster.SourceCert !== null) faults.warn(faults.pathOf(cluster, 'SourceCert'), noTls)
  }
}

/** One warning for a port is enough: it names the first range that asks. */
function warnOfSources({ SourceIPRanges: ranges }: FsmInboundMatch, faults: FaultList): void {
  const asking = Object.values(ranges ?? {}).find(
    (range) => range?.mTLS === true || (range?.AuthenticatedPrincipals ?? []).length > 0,
  )
  if (asking) faults.warn(faults.pathOf(asking), `${noTls}, and nobody is checked`)
}

function warnOfDestinations({ DestinationIPRanges: ranges }: FsmOutboundMatch, faults: FaultList): void {
  const asking = Object.values(ranges ?? {}).find((range) => range && range.SourceCert !== null)
  if (asking) faults.warn(faults.pathOf(asking, 'SourceCert'), noTls)
}

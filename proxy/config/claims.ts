import { looseFault, type Path, show } from './fault.ts'
import type { FaultList } from './fault-list.ts'
import type { Address } from './settings.ts'
import { formatAddress } from './shape/texts.ts'

/** An address that something wants to listen on, and who says so: a place in the file, or a flag. */
export interface Claim {
  readonly address: Address
  readonly by: Path | string
}

/** Reports addresses that are wanted twice. */
export function checkClaims(claims: readonly Claim[], faults: FaultList): void {
  claims.forEach((claim, i) => {
    const rival = claims.slice(0, i).find((other) => collide(claim.address, other.address))
    if (!rival) return
    const message = `is ${show(formatAddress(claim.address))}, where something else listens already (${formatAddress(rival.address)})`
    if (typeof claim.by === 'string') faults.addLoose(looseFault(claim.by, message))
    else faults.add(claim.by, message)
  })
}

function collide(a: Address, b: Address): boolean {
  if (a.port === 0 || a.port !== b.port) return false
  const isEverywhere = (host: string) => host === '0.0.0.0' || host === '::'
  return a.host === b.host || isEverywhere(a.host) || isEverywhere(b.host)
}

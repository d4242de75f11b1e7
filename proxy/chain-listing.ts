import type { BuiltChains } from '../chains/assemble.ts'
import { type ChainName, chainNames } from '../chains/model.ts'
import type { PluginMode } from '../chains/plugins.ts'

/** One step as `/chains` shows it. */
export interface StepListing {
  readonly name: string
  readonly priority: number
  /** Null for what is built in. */
  readonly version: string | null
  readonly mode: PluginMode
}

/** The chains as they run, for `/chains`. */
export type ChainListing = Readonly<Record<ChainName, readonly StepListing[]>>

/** Lists the steps of the four chains in order. */
export function listChains({ http, tcp }: BuiltChains): ChainListing {
  const all = [http.inbound, http.outbound, tcp.inbound, tcp.outbound]
  const listing = chainNames.map((name) => {
    const steps = all.find((chain) => chain.name === name)?.steps ?? []
    return [
      name,
      steps.map(({ name: file, priority, plugin }) => ({
        name: file,
        priority,
        version: plugin?.version ?? null,
        mode: plugin?.mode ?? 'enforce',
      })),
    ]
  })
  return Object.fromEntries(listing) as ChainListing
}

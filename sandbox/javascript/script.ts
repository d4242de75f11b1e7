import type { PluginGrants, PluginSpec } from '../../chains/plugins.ts'
import type { PluginHost } from '../plugin/contract.ts'
import type { GuestValue } from '../quickjs/contract.ts'
import type { Change, Draft, ScriptExchange } from './exchange.ts'
import type { ConfigNumbers } from './variables.ts'

/** An instance of a plugin, as the functions see it that its guest calls. */
export interface Script {
  readonly spec: PluginSpec
  readonly host: PluginHost
  /** What its policy and its configs let it reach. */
  readonly grants: PluginGrants
  readonly configs: ConfigNumbers
  readonly exchanges: ReadonlyMap<number, ScriptExchange>
  /** The exchange whose callback runs at this moment, if any. */
  readonly current: ScriptExchange | null
  /** The exchange of that number. Throws a `RangeError` for one that is over. */
  exchange(id: number): ScriptExchange
  /** What the call that runs makes of a head, to be put in place when it has ended well. */
  draft(exchange: ScriptExchange, way: 0 | 1): Draft
  /** Something to be done when the call is over, unless it fails. */
  later(change: Change): void
  /** Settles a promise of the guest; nothing happens when the exchange is over. */
  settle(exchange: ScriptExchange, promise: number, error: string, value: GuestValue): void
  /** Settles what `cx.fetch` gave. */
  settleFetch(exchange: ScriptExchange, promise: number, head: string, body: Uint8Array): void
}

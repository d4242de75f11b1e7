import type { PluginGrants, PluginSpec } from '../../chains/plugins.ts'
import type { PluginHost } from '../plugin/contract.ts'
import type { GuestValue } from '../quickjs/contract.ts'
import type { Callouts } from './callouts.ts'
import type { Change, Draft, ScriptExchange } from './exchange.ts'
import type { ConfigNumbers } from './variables.ts'

/** An instance of a plugin, as the functions see it that its guest calls. */
export interface Script {
  readonly spec: PluginSpec
  readonly host: PluginHost
  /** What its policy and its configs let it reach. */
  readonly grants: PluginGrants
  readonly configs: ConfigNumbers
  readonly callouts: Callouts
  readonly exchanges: ReadonlyMap<number, ScriptExchange>
  /** The exchange of that number. Throws a `RangeError` for one that is over. */
  exchange(id: number): ScriptExchange
  /** What the call that runs makes of a head, to be put in place when it has ended well. */
  draft(exchange: ScriptExchange, way: 0 | 1): Draft
  /**
   * Something to be done when the call is over, unless it fails; then the exchange that it concerns fails with it,
   * because half of what its plugin said is lost.
   */
  later(exchange: ScriptExchange | null, change: Change): void
  /**
   * Something for which a promise of the guest waits: `begin` is called when the call is over, and sees to it that the
   * promise is settled, whatever happens. Throws a `RangeError` when the exchange waits for too much already.
   */
  ask(exchange: ScriptExchange, promise: number, begin: Change): void
  /**
   * Who asks for something that others of the plugin may share: the exchange of that number, or, when that is over,
   * the one whose callback goes on at this moment, until `pauseMs` after its end. Throws a `RangeError`.
   */
  asker(id: number): ScriptExchange
  /** Settles a promise of the guest in a turn of the event loop of its own; resolves when that is done, or the instance is dead. */
  settle(exchange: ScriptExchange, promise: number, error: string, value: GuestValue): Promise<void>
  /** Settles what `cx.fetch` gave. */
  settleFetch(exchange: ScriptExchange, promise: number, head: string, body: Uint8Array): void
}

import type { Filter, Next } from './filter.ts'
import type { HttpRequest, HttpResponse } from './http.ts'
import type { ChainName } from './model.ts'
import type { PluginMode } from './plugins.ts'
import type { ByteStream } from './stream.ts'

/** A filter with the place it takes in a chain: the higher the priority, the earlier it runs. */
export interface Step<In, Out> {
  /** The module's name as FSM spells it (`modules/inbound-http-routing.js`), or `plugins/NAME.js`. */
  readonly name: string
  readonly priority: number
  readonly filter: Filter<In, Out>
  /** What stands here when it is no built-in filter; null for those. */
  readonly plugin: { readonly version: string; readonly mode: PluginMode } | null
}

/** A finished chain. It holds no state of its own and never changes; a new config makes a new one. */
export interface Chain<In, Out> {
  readonly name: ChainName
  readonly steps: readonly Step<In, Out>[]
  readonly run: Next<In, Out>
}

/** An `inbound-http` or `outbound-http` chain. */
export type HttpChain = Chain<HttpRequest, HttpResponse>

/** An `inbound-tcp` or `outbound-tcp` chain. */
export type TcpChain = Chain<ByteStream, ByteStream>

/**
 * Folds `steps` around `terminal`, outermost first, once per generation.
 *
 * Steps of equal priority keep the order they came in.
 */
export function buildChain<In, Out>(
  name: ChainName,
  steps: readonly Step<In, Out>[],
  terminal: Next<In, Out>,
): Chain<In, Out> {
  const ordered = steps.toSorted((a, b) => b.priority - a.priority)
  const run = ordered.reduceRight<Next<In, Out>>(
    (next, step) => (input, cx) => step.filter(input, cx, next),
    terminal,
  )
  return { name, steps: ordered, run }
}

import { httpModules, type Module, tcpModules } from './catalogue.ts'
import { buildChain, type Chain, type HttpChain, type Step, type TcpChain } from './chain.ts'
import { ProxyError } from './failures.ts'
import type { Filter } from './filter.ts'
import type { ChainName, Direction, Model } from './model.ts'
import type { Tools } from './tools.ts'

/** The four chains of one generation, and what an operator should know of them. */
export interface BuiltChains {
  readonly http: Readonly<Record<Direction, HttpChain>>
  readonly tcp: Readonly<Record<Direction, TcpChain>>
  /** One line for each step that could not be mounted. */
  readonly warnings: readonly string[]
}

/**
 * Builds the four chains of a model, once for each generation.
 *
 * The tools of a direction reach the endpoints of that direction. A step that
 * is not there is left out with a warning, so that one wrong name does not take
 * the sidecar down. Throws an `Error` when a filter cannot be made from its
 * rules, such as by a regular expression that is none.
 */
export function buildChains(model: Model, tools: Readonly<Record<Direction, Tools>>): BuiltChains {
  const warnings: string[] = []
  const build = <In, Out>(
    chain: ChainName,
    direction: Direction,
    modules: readonly Module<Filter<In, Out>>[],
  ): Chain<In, Out> => {
    const steps: Step<In, Out>[] = []
    const mounted = new Set<Module<Filter<In, Out>>>()
    for (const { name, priority } of model.chains[chain]) {
      const module = modules.find((candidate) => candidate.file === name || candidate.name === name)
      if (!module || mounted.has(module)) {
        warnings.push(`chain ${chain}: ${name} is ${module ? 'mounted twice' : 'not there'}, and is left out`)
        continue
      }
      mounted.add(module)
      const filter = module.make(direction, tools[direction], model)
      if (filter) steps.push({ name: module.file, priority, filter })
    }
    return buildChain(chain, steps, unanswered)
  }
  return {
    http: {
      inbound: build('inbound-http', 'inbound', httpModules('inbound')),
      outbound: build('outbound-http', 'outbound', httpModules('outbound')),
    },
    tcp: {
      inbound: build('inbound-tcp', 'inbound', tcpModules('inbound')),
      outbound: build('outbound-tcp', 'outbound', tcpModules('outbound')),
    },
    warnings,
  }
}

/** The end of every chain. */
function unanswered(): never {
  throw new ProxyError('NO_ROUTE', 'nothing in the chain answered')
}

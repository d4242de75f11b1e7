import { httpModules, type Module, tcpModules } from './catalogue.ts'
import { buildChain, type Chain, type HttpChain, type Step, type TcpChain } from './chain.ts'
import { ProxyError } from './failures.ts'
import type { Filter, HttpFilter, TcpFilter } from './filter.ts'
import type { ChainName, Direction, Model } from './model.ts'
import type { PluginMode } from './plugins.ts'
import type { Tools } from './tools.ts'

/** The four chains of one generation, and what an operator should know of them. */
export interface BuiltChains {
  readonly http: Readonly<Record<Direction, HttpChain>>
  readonly tcp: Readonly<Record<Direction, TcpChain>>
  /** One line for each step that could not be mounted. */
  readonly warnings: readonly string[]
}

/**
 * Filters that are not built in. Whoever builds a generation gives them, so that
 * nothing here knows how they run.
 *
 * Asked once for each chain that names it. `builtIn` is the filter whose place
 * it takes, and which holds where it does nothing: `plugins/NAME.js` takes that
 * of `modules/NAME.js` in a chain that does not name both. Null when it is
 * called like none. The answer is null when it has nothing to do in that chain.
 */
export interface Mount {
  readonly version: string
  readonly mode: PluginMode
  http(chain: ChainName, builtIn: HttpFilter | null): HttpFilter | null
  tcp(chain: ChainName, builtIn: TcpFilter | null): TcpFilter | null
}

/** By the name of a step, `plugins/NAME.js`. */
export type Mounts = ReadonlyMap<string, Mount>

/** How a mount is asked for a filter of one family. */
type Take<F> = (mount: Mount, chain: ChainName, builtIn: F | null) => F | null

/**
 * Builds the four chains of a model, once for each generation.
 *
 * The tools of a direction reach the endpoints of that direction. A step that
 * is not there is left out with a warning, so that one wrong name does not take
 * the sidecar down. Throws an `Error` when a filter cannot be made from its
 * rules, such as by a regular expression that is none.
 */
export function buildChains(
  model: Model,
  tools: Readonly<Record<Direction, Tools>>,
  mounts: Mounts = new Map(),
): BuiltChains {
  const warnings: string[] = []
  const build = <In, Out>(
    chain: ChainName,
    modules: readonly Module<Filter<In, Out>>[],
    take: Take<Filter<In, Out>>,
  ): Chain<In, Out> => {
    const direction = chain.startsWith('inbound') ? 'inbound' : 'outbound'
    const find = (name: string) => modules.find(({ file, name: short }) => file === name || short === name)
    const make = (module: Module<Filter<In, Out>> | undefined) =>
      module?.make(direction, tools[direction], model) ?? null
    const named = new Set(model.chains[chain].map(({ name }) => find(name)?.file ?? name))
    const replaced = (name: string) => {
      const file = name.replace(/^plugins\//, 'modules/')
      return file === name || named.has(file) ? undefined : find(file)
    }
    const steps: Step<In, Out>[] = []
    const mounted = new Set<string>()
    for (const { name, priority } of model.chains[chain]) {
      const module = find(name)
      const file = module?.file ?? name
      const mount = module ? undefined : mounts.get(name)
      if ((!module && !mount) || mounted.has(file)) {
        const reason = mounted.has(file) ? 'mounted twice' : 'not there'
        warnings.push(`chain ${chain}: ${name} is ${reason}, and is left out`)
        continue
      }
      mounted.add(file)
      const filter = mount ? take(mount, chain, make(replaced(name))) : make(module)
      if (filter) steps.push({ name: file, priority, filter, plugin: mount ? traitsOf(mount) : null })
      else if (mount) warnings.push(`chain ${chain}: ${name} has nothing to do there, and is left out`)
    }
    return buildChain(chain, steps, unanswered)
  }
  const takeHttp: Take<HttpFilter> = (mount, chain, builtIn) => mount.http(chain, builtIn)
  const takeTcp: Take<TcpFilter> = (mount, chain, builtIn) => mount.tcp(chain, builtIn)
  return {
    http: {
      inbound: build('inbound-http', httpModules('inbound'), takeHttp),
      outbound: build('outbound-http', httpModules('outbound'), takeHttp),
    },
    tcp: {
      inbound: build('inbound-tcp', tcpModules('inbound'), takeTcp),
      outbound: build('outbound-tcp', tcpModules('outbound'), takeTcp),
    },
    warnings,
  }
}

const traitsOf = ({ version, mode }: Mount) => ({ version, mode })

/** The end of every chain. */
function unanswered(): never {
  throw new ProxyError('NO_ROUTE', 'nothing in the chain answered')
}

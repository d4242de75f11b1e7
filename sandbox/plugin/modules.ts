import { httpModules, type Module, tcpModules } from '../../chains/catalogue.ts'
import type { Context } from '../../chains/context.ts'
import type { HttpFilter, TcpFilter } from '../../chains/filter.ts'
import type { ChainName, Direction, Model } from '../../chains/model.ts'
import type { Tools } from '../../chains/tools.ts'

/** The filters of a plugin, as other plugins reach it. */
export interface Callable {
  http(chain: ChainName, builtIn: HttpFilter | null): HttpFilter | null
  tcp(chain: ChainName, builtIn: TcpFilter | null): TcpFilter | null
}

/** What differs between the two kinds of chains. */
interface Family<F> {
  readonly kind: 'http' | 'tcp'
  modules(direction: Direction): readonly Module<F>[]
  filterOf(plugin: Callable, chain: ChainName, builtIn: F | null): F | null
  late(choose: (cx: Context) => F): F
  readonly pass: F
}

/**
 * Finds the filters that a plugin names by file: built-in modules, and other plugins with their policies. Each
 * built-in one is made once.
 */
export class ModuleResolver {
  readonly #model: Model
  readonly #tools: Tools
  readonly #plugins: ReadonlyMap<string, Callable>
  readonly #made = new Map<string, HttpFilter | TcpFilter>()
  /** Which plugins name which others. */
  readonly #named = new Map<string, Set<string>>()

  /** `plugins` may still be filled: a plugin is looked at when an exchange comes to it. */
  constructor(model: Model, tools: Tools, plugins: ReadonlyMap<string, Callable>) {
    this.#model = model
    this.#tools = tools
    this.#plugins = plugins
  }

  /** For the plugin `asker`; null when there is none. Throws an `Error` when plugins would name each other in a circle. */
  http(asker: string, file: string): HttpFilter | null {
    return this.#find(http, asker, file)
  }

  /** Like {@link http}, for connections. */
  tcp(asker: string, file: string): TcpFilter | null {
    return this.#find(tcp, asker, file)
  }

  #find<F extends HttpFilter | TcpFilter>(family: Family<F>, asker: string, file: string): F | null {
    const name = nameIn('plugins', file)
    if (name !== null) return this.#plugin(family, asker, name)
    for (const direction of ['inbound', 'outbound'] as const) {
      const module = family.modules(direction).find((candidate) => candidate.file === file)
      if (module) return this.#builtIn(family, asker, module, direction)
    }
    return null
  }

  #plugin<F extends HttpFilter | TcpFilter>(family: Family<F>, asker: string, name: string): F | null {
    if (!this.#model.plugins.some((spec) => spec.name === name)) return null
    this.#note(asker, name)
    const filters = new Map<Direction, F>()
    return family.late(({ peer: { direction } }) => {
      let filter = filters.get(direction)
      if (!filter) {
        const plugin = this.#plugins.get(name)
        const found = plugin && family.filterOf(plugin, `${direction}-${family.kind}`, null)
        filter = found ?? family.pass
        filters.set(direction, filter)
      }
      return filter
    })
  }

  /** A plugin that took its place is found in its place, except by that plugin itself. */
  #builtIn<F extends HttpFilter | TcpFilter>(
    family: Family<F>,
    asker: string,
    module: Module<F>,
    direction: Direction,
  ): F {
    const { file } = module
    let builtIn = this.#made.get(file) as F | undefined
    if (!builtIn) {
      builtIn = module.make(direction, this.#tools, this.#model) ?? family.pass
      this.#made.set(file, builtIn)
    }
    const name = nameIn('modules', file) as string
    if (name === asker || !this.#model.plugins.some((spec) => spec.name === name)) return builtIn
    this.#note(asker, name)
    const there = builtIn
    let filter: F | null = null
    return family.late(() => {
      const plugin = this.#plugins.get(name)
      filter ??= (plugin && family.filterOf(plugin, `${direction}-${family.kind}`, there)) ?? there
      return filter
    })
  }

  /** Remembers who names whom: an exchange that ran in a circle would never come out. */
  #note(asker: string, name: string): void {
    if (name === asker || this.#leadsTo(name, asker)) {
      throw new Error(
        `plugins/${asker}.js and plugins/${name}.js name each other, so that an exchange would run in a circle`,
      )
    }
    const named = this.#named.get(asker) ?? new Set()
    this.#named.set(asker, named.add(name))
  }

  #leadsTo(from: string, to: string): boolean {
    const named = this.#named.get(from)
    return named !== undefined && (named.has(to) || [...named].some((next) => this.#leadsTo(next, to)))
  }
}

/** `NAME` of `FOLDER/NAME.js`, or null. */
function nameIn(folder: string, file: string): string | null {
  const isInside = file.startsWith(`${folder}/`) && file.endsWith('.js')
  return isInside ? file.slice(folder.length + 1, -'.js'.length) : null
}

const http: Family<HttpFilter> = {
  kind: 'http',
  modules: httpModules,
  filterOf: (plugin, chain, builtIn) => plugin.http(chain, builtIn),
  late: (choose) => (request, cx, next) => choose(cx)(request, cx, next),
  pass: (request, cx, next) => next(request, cx),
}

const tcp: Family<TcpFilter> = {
  kind: 'tcp',
  modules: tcpModules,
  filterOf: (plugin, chain, builtIn) => plugin.tcp(chain, builtIn),
  late: (choose) => (stream, cx, next) => choose(cx)(stream, cx, next),
  pass: (stream, cx, next) => next(stream, cx),
}

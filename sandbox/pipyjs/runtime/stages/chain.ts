import { ProxyError } from '../../../../chains/failures.ts'
import type { Filter, HttpFilter, Next, TcpFilter } from '../../../../chains/filter.ts'
import type { PluginHost } from '../../../plugin/contract.ts'
import type { FilterReader } from '../arguments.ts'
import type { StageMaker } from '../pipeline.ts'
import { HttpChainStage } from './http-chain.ts'
import { raw } from './raw.ts'

/** Modules that a script names, for either kind of chain; null where they have none. */
interface NamedModules {
  readonly http: HttpFilter | null
  readonly tcp: TcpFilter | null
}

/**
 * Sends a stream through the rest of the chain (`chain()`), or through modules
 * named by their files (`chain([…])`). What comes back goes to the stages behind.
 */
export function chain(reader: FilterReader, host: PluginHost): StageMaker {
  reader.atMost(1)
  const value = reader.data(0, 'a file name, or an array of file names')
  if (value === undefined || value === null) return restOfChain
  const files = typeof value === 'string' ? [value] : value
  if (!Array.isArray(files) || files.length === 0 || !files.every((file) => typeof file === 'string')) {
    throw reader.fault("it takes nothing, a file name, or an array of them such as ['modules/x.js']")
  }
  const modules = files.map((file) => moduleOf(file, reader, host))
  return throughModules(reader, {
    http: inTurn(modules.map(({ http }) => http)),
    tcp: inTurn(modules.map(({ tcp }) => tcp)),
  })
}

/** Sends a stream through a module, and on through the rest of the chain when that goes on (`use(file)`). */
export function use(reader: FilterReader, host: PluginHost): StageMaker {
  const [file, pipeline] = [reader.data(0, 'a file name'), reader.data(1, 'the name of a pipeline')]
  if (typeof file !== 'string') throw reader.fault("it takes one file name, such as 'modules/x.js'")
  if (pipeline !== undefined || reader.count > 1) {
    throw reader.fault('only the entrance of another file can be used: leave the second argument out')
  }
  return throughModules(reader, moduleOf(file, reader, host), true)
}

const restOfChain: StageMaker = (pipeline, next) => {
  const { rest } = pipeline.line.exchange
  if (rest.kind === 'http') return new HttpChainStage(pipeline, next, rest.next)
  const { stream, next: behind } = rest
  return raw(pipeline, next, async () => behind(stream, pipeline.line.cx))
}

function throughModules(reader: FilterReader, modules: NamedModules, goesOn = false): StageMaker {
  const http = modules.http ?? misplaced(reader, 'HTTP')
  const tcp = modules.tcp ?? misplaced(reader, 'TCP')
  return (pipeline, next) => {
    const { rest } = pipeline.line.exchange
    if (rest.kind === 'http') {
      const behind = goesOn ? rest.next : unanswered
      return new HttpChainStage(pipeline, next, (request, cx) => http(request, cx, behind))
    }
    const { stream } = rest
    const behind = goesOn ? rest.next : unanswered
    return raw(pipeline, next, async () => tcp(stream, pipeline.line.cx, behind))
  }
}

function moduleOf(file: string, reader: FilterReader, host: PluginHost): NamedModules {
  const path = file.replace(/^(?:\.?\/)+/, '')
  if (path === `plugins/${reader.plugin}.js`) {
    throw reader.fault('a plugin cannot stand in a chain of its own: it would never end')
  }
  let modules: NamedModules
  try {
    modules = { http: host.httpModule(path), tcp: host.tcpModule(path) }
  } catch (thrown) {
    // such as plugins that name each other
    throw reader.fault(thrown instanceof Error ? thrown.message : String(thrown))
  }
  if (modules.http || modules.tcp) return modules
  const known =
    'a built-in one such as modules/outbound-http-default.js, or plugins/NAME.js of a loaded plugin'
  throw reader.fault(`there is no module ${file}; it would be ${known}`)
}

/** One filter made of several; null if one of them is missing. */
function inTurn<In, Out>(filters: readonly (Filter<In, Out> | null)[]): Filter<In, Out> | null {
  if (filters.includes(null)) return null
  const all = filters as readonly Filter<In, Out>[]
  return (input, cx, next) => {
    const run = all.reduceRight<Next<In, Out>>(
      (behind, filter) => (given, context) => filter(given, context, behind),
      next,
    )
    return run(input, cx)
  }
}

/** What fails each exchange that comes to a module of the other kind of chain. */
function misplaced(reader: FilterReader, kind: string): () => never {
  return () => {
    throw new ProxyError('PLUGIN_THREW', `what ${reader.kind}() names has no place in a chain of ${kind}`)
  }
}

/** The end of a chain that a script made. */
function unanswered(): never {
  throw new ProxyError('NO_ROUTE', 'nothing in the chain answered')
}

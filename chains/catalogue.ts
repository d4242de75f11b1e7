import type { HttpFilter, TcpFilter } from './filter.ts'
import { accessLog, tcpAccessLog } from './filters/access-log.ts'
import { circuitBreaker } from './filters/circuit-breaker.ts'
import { httpFallback, tcpFallback } from './filters/fallback.ts'
import { httpRouting } from './filters/http-routing.ts'
import { httpLoadBalancing } from './filters/load-balancing.ts'
import { httpMetrics, tcpMetrics } from './filters/metrics.ts'
import { retry } from './filters/retry.ts'
import { tcpLoadBalancing } from './filters/tcp-load-balancing.ts'
import { tcpRouting } from './filters/tcp-routing.ts'
import { throttle } from './filters/throttle.ts'
import { httpTlsTermination, tcpTlsTermination } from './filters/tls-termination.ts'
import { tracing } from './filters/tracing.ts'
import type { ChainName, Direction, Model, StepConfig } from './model.ts'
import type { Tools } from './tools.ts'

/** The two ways of writing a config, which differ in what is mounted when nobody says. */
export type ConfigFormat = 'fsm' | 'pillion'

/** Makes a filter for one generation; null when the config leaves it nothing to do. */
type Maker<Filter> = (direction: Direction, tools: Tools, model: Model) => Filter | null

/** Where a filter stands in one chain. */
interface Place {
  readonly priority: number
  /** The formats in which it is there when nobody says otherwise. */
  readonly defaultFor: readonly ConfigFormat[]
}

/** A filter in one family of chains, inbound and outbound alike. */
interface Family<Filter> {
  /** FSM's file is `modules/DIRECTION-FILE.js`. */
  readonly file: string
  /** Null where it may not stand. */
  readonly inbound: Place | null
  readonly outbound: Place | null
  readonly make: Maker<Filter>
}

interface BuiltIn {
  /** How our own config calls it. */
  readonly name: string
  readonly http: Family<HttpFilter> | null
  readonly tcp: Family<TcpFilter> | null
}

const always = (priority: number): Place => ({ priority, defaultFor: ['fsm', 'pillion'] })
const oursOnly = (priority: number): Place => ({ priority, defaultFor: ['pillion'] })
const onRequest = (priority: number): Place => ({ priority, defaultFor: [] })

/** Every built-in filter. The files and the priorities are FSM's, where FSM has the filter in that chain. */
const builtIns: readonly BuiltIn[] = [
  {
    name: 'tls-termination',
    http: { file: 'tls-termination', inbound: always(180), outbound: null, make: httpTlsTermination },
    tcp: { file: 'tls-termination', inbound: always(130), outbound: null, make: tcpTlsTermination },
  },
  {
    name: 'http-routing',
    http: { file: 'http-routing', inbound: always(170), outbound: always(160), make: httpRouting },
    tcp: null,
  },
  {
    name: 'metrics',
    http: { file: 'metrics-http', inbound: always(160), outbound: always(150), make: httpMetrics },
    tcp: { file: 'metrics-tcp', inbound: always(126), outbound: always(126), make: tcpMetrics },
  },
  {
    name: 'tracing',
    http: { file: 'tracing-http', inbound: always(150), outbound: always(140), make: tracing },
    tcp: null,
  },
  {
    name: 'access-logging',
    http: { file: 'logging-http', inbound: always(140), outbound: always(130), make: httpLog },
    tcp: { file: 'logging-tcp', inbound: always(123), outbound: always(123), make: tcpLog },
  },
  {
    name: 'throttle-service',
    http: {
      file: 'throttle-service',
      inbound: always(130),
      outbound: oursOnly(118),
      make: (direction, tools, model) => throttle('service', direction, tools, model),
    },
    tcp: null,
  },
  {
    name: 'throttle-route',
    http: {
      file: 'throttle-route',
      inbound: always(120),
      outbound: oursOnly(117),
      make: (direction, tools, model) => throttle('route', direction, tools, model),
    },
    tcp: null,
  },
  {
    name: 'tcp-routing',
    http: null,
    tcp: { file: 'tcp-routing', inbound: always(120), outbound: always(120), make: tcpRouting },
  },
  {
    name: 'circuit-breaker',
    http: { file: 'circuit-breaker', inbound: onRequest(115), outbound: always(120), make: circuitBreaker },
    tcp: null,
  },
  {
    // FSM has it within load balancing
    name: 'retry',
    http: { file: 'retry', inbound: onRequest(112), outbound: always(112), make: retry },
    tcp: null,
  },
  {
    name: 'load-balancing',
    http: {
      file: 'http-load-balancing',
      inbound: always(110),
      outbound: always(110),
      make: httpLoadBalancing,
    },
    tcp: { file: 'tcp-load-balancing', inbound: always(110), outbound: always(110), make: tcpLoadBalancing },
  },
  {
    name: 'fallback',
    http: {
      file: 'http-default',
      inbound: always(100),
      outbound: always(100),
      make: (direction, _tools, model) => httpFallback(direction, model),
    },
    tcp: { file: 'tcp-default', inbound: always(100), outbound: always(100), make: tcpFallback },
  },
]

function httpLog(direction: Direction, tools: Tools, model: Model): HttpFilter | null {
  return model.accessLog && accessLog(direction, tools, model.accessLog, model)
}

function tcpLog(direction: Direction, tools: Tools, model: Model): TcpFilter | null {
  return model.accessLog && tcpAccessLog(direction, tools, model.accessLog, model)
}

/** A built-in filter as it stands in one chain. */
export interface Module<Filter = HttpFilter | TcpFilter> {
  /** Our short name, `http-routing`. */
  readonly name: string
  /** FSM's name, `modules/inbound-http-routing.js`. */
  readonly file: string
  /** The priority that it has when nobody says otherwise. */
  readonly priority: number
  readonly defaultFor: readonly ConfigFormat[]
  readonly make: Maker<Filter>
}

/** The modules that may stand in the HTTP chain of a direction, in order. */
export function httpModules(direction: Direction): readonly Module<HttpFilter>[] {
  return builtIns.flatMap(({ name, http }) => modulesOf(name, http, direction)).toSorted(byPriority)
}

/** The modules that may stand in the TCP chain of a direction, in order. */
export function tcpModules(direction: Direction): readonly Module<TcpFilter>[] {
  return builtIns.flatMap(({ name, tcp }) => modulesOf(name, tcp, direction)).toSorted(byPriority)
}

/** The modules that may stand in a chain, in order. */
export function modulesFor(chain: ChainName): readonly Module[] {
  const direction = directionOf(chain)
  return chain.endsWith('-http') ? httpModules(direction) : tcpModules(direction)
}

/** Finds a module of a chain by either of its names; undefined when the chain can have none of that name. */
export function findModule(chain: ChainName, name: string): Module | undefined {
  return modulesFor(chain).find((module) => module.file === name || module.name === name)
}

/** The four chains of a config that does not name any. */
export function defaultSteps(format: ConfigFormat): Record<ChainName, readonly StepConfig[]> {
  const steps = (chain: ChainName): StepConfig[] =>
    modulesFor(chain)
      .filter(({ defaultFor }) => defaultFor.includes(format))
      .map(({ file, priority }) => ({ name: file, priority }))
  return {
    'inbound-tcp': steps('inbound-tcp'),
    'inbound-http': steps('inbound-http'),
    'outbound-tcp': steps('outbound-tcp'),
    'outbound-http': steps('outbound-http'),
  }
}

/** The direction that a chain is of. */
function directionOf(chain: ChainName): Direction {
  return chain.startsWith('inbound-') ? 'inbound' : 'outbound'
}

function modulesOf<Filter>(
  name: string,
  family: Family<Filter> | null,
  direction: Direction,
): readonly Module<Filter>[] {
  const place = family?.[direction]
  if (!family || !place) return []
  return [{ name, file: `modules/${direction}-${family.file}.js`, ...place, make: family.make }]
}

function byPriority(a: { readonly priority: number }, b: { readonly priority: number }): number {
  return b.priority - a.priority
}

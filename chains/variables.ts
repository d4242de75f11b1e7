import type { Cluster, PortRule, Protocol, RouteRule, Service } from './model.ts'

/**
 * What a chain has learnt about one exchange.
 *
 * Every variable has one writer, named below; everyone after it may read.
 */
export interface Variables {
  /** How the connection is spoken to, or null before it is known. Written at accept. */
  protocol: 'http' | 'tcp' | null
  /** The matched port. Written at accept. */
  port: PortRule | null
  /** Whether the client speaks HTTP/2. Written by the HTTP codec. */
  isHttp2: boolean
  /** Whether the caller is an ingress: the source lies in the port's source ranges. Written by `http-routing`. */
  isIngress: boolean
  /** Whether the connection leaves the mesh: no rule names its destination. Written at accept, or by `load-balancing`. */
  isEgress: boolean
  /** The matched service. Written by `http-routing`. */
  service: Service | null
  /** The matched rule. Written by `http-routing`. */
  route: RouteRule | null
  /**
   * Whether there is no route because the request may not go there, rather than
   * because there is nothing. Written by `http-routing`, for `fallback`.
   */
  isDenied: boolean
  /** Where to send it. Written by `http-routing` or `tcp-routing`. */
  cluster: Cluster | null
  /** The endpoint chosen, as `host:port`. Written by `load-balancing`. */
  target: string | null
}

/** A fresh set for one exchange, with what was known at accept. */
export function newVariables(port: PortRule | null, isEgress: boolean): Variables {
  return {
    protocol: port ? spokenProtocol(port.protocol) : null,
    port,
    isHttp2: false,
    isIngress: false,
    isEgress,
    service: null,
    route: null,
    isDenied: false,
    cluster: null,
    target: null,
  }
}

/** Which chain family a configured protocol goes to: `http` and `grpc` are HTTP, all others raw bytes. */
export function spokenProtocol(protocol: Protocol): 'http' | 'tcp' {
  return protocol === 'http' || protocol === 'grpc' ? 'http' : 'tcp'
}

interface ScriptVariable {
  /** The field of {@link Variables}, or null for what is not there in this build. */
  readonly field: keyof Variables | 'plugins'
  /** The namespaces under which FSM's scripts import it. */
  readonly from: readonly string[]
}

/** How scripts name the variables (FSM guide "Extending FSM"). The only place where a `__name` meets a field. */
export const scriptVariables = {
  __protocol: { field: 'protocol', from: ['inbound', 'outbound'] },
  __port: { field: 'port', from: ['inbound', 'outbound'] },
  __isHTTP2: { field: 'isHttp2', from: ['inbound', 'outbound'] },
  __isIngress: { field: 'isIngress', from: ['inbound'] },
  __isEgress: { field: 'isEgress', from: ['outbound'] },
  __target: { field: 'target', from: ['connect-tcp', 'inbound', 'outbound'] },
  __plugins: { field: 'plugins', from: ['inbound', 'outbound'] },
  __service: { field: 'service', from: ['inbound-http-routing', 'outbound-http-routing'] },
  __route: { field: 'route', from: ['inbound-http-routing', 'outbound-http-routing'] },
  __cluster: {
    field: 'cluster',
    from: ['inbound-http-routing', 'inbound-tcp-routing', 'outbound-http-routing', 'outbound-tcp-routing'],
  },
} as const satisfies Record<`__${string}`, ScriptVariable>

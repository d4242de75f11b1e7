import {
  boolean,
  choice,
  type Field,
  integer,
  json,
  list,
  map,
  nullable,
  number,
  object,
  optional,
  type Read,
  required,
  type Shape,
  text,
} from '../shape/shape.ts'
import { anyText, cidr, headerName, headerValue, method, regex } from '../shape/texts.ts'
import { portText } from './texts.ts'

/*
 * FSM's `config.json`, as its Go side writes it: `?` of its types is `may`, and
 * null is as good as missing wherever it means nothing.
 */
const may = <T>(shape: Shape<T>): Field<T | null> => optional(shape, '')
const must = <T>(shape: Shape<T>): Field<T> => required(shape, '')

const seconds = number(0, 2_000_000)
const weight = number(0, 2 ** 32)
const weights = map(anyText, weight)
const plugins = map(anyText, json)
const count = integer(0)

const httpLimit = object('HttpLimit', {
  Local: may(
    object('HttpLocalLimit', {
      Requests: must(number(0)),
      StatTimeWindow: must(number(0.001, 2_000_000)),
      Burst: may(number(0)),
      ResponseStatusCode: may(integer(0, 599)),
      ResponseHeadersToAdd: may(
        list(object('HeaderToAdd', { Name: must(text(headerName)), Value: must(text(headerValue)) })),
      ),
      Backlog: may(count),
    }),
  ),
})

const connectionLimit = object('ConnectionLimit', {
  Local: may(
    object('ConnectionLocalLimit', {
      Connections: must(number(0)),
      StatTimeWindow: must(number(0.001, 2_000_000)),
      Burst: may(number(0)),
    }),
  ),
})

const routeRule = object('RouteRule', {
  Path: must(text(anyText)),
  Type: must(choice(['Regex', 'Exact', 'Prefix'])),
  Headers: may(map(headerName, text(regex))),
  Methods: may(list(text(method))),
  TargetClusters: may(weights),
  AllowedServices: may(list(text(anyText))),
  RateLimit: may(httpLimit),
})

const ruleSet = object('HttpServiceRouteRules', {
  RouteRules: may(list(routeRule)),
  Plugins: may(plugins),
  RateLimit: may(httpLimit),
  AllowedEndpoints: may(map(anyText, json)),
  EgressForwardGateway: may(text(anyText)),
})

const tcpRules = object('TcpServiceRouteRules', {
  TargetClusters: may(weights),
  AllowedEgressTraffic: may(boolean),
  EgressForwardGateway: may(text(anyText)),
  Plugins: may(plugins),
})

const protocol = choice(['http', 'grpc', 'tcp', 'tcp-server-first', 'https'])

const matchFields = {
  Port: must(integer(0, 65_535)),
  Protocol: must(protocol),
  HttpHostPort2Service: may(
    map(anyText, object('HostRule', { RuleName: must(text(anyText)), Service: may(text(anyText)) })),
  ),
  HttpServiceRouteRules: may(map(anyText, ruleSet)),
  TcpServiceRouteRules: may(tcpRules),
}

const inboundMatch = object('InboundMatch', {
  ...matchFields,
  SourceIPRanges: may(
    map(
      cidr,
      nullable(
        object('SourceSecurity', {
          mTLS: may(boolean),
          SkipClientCertValidation: may(boolean),
          AuthenticatedPrincipals: may(list(text(anyText))),
        }),
      ),
    ),
  ),
  RateLimit: may(connectionLimit),
  AllowedEndpoints: may(map(anyText, json)),
})

const outboundMatch = object('OutboundMatch', {
  ...matchFields,
  DestinationIPRanges: may(map(cidr, nullable(object('DestinationSecurity', { SourceCert: may(json) })))),
  Identity: may(text(anyText)),
})

const breaker = object('CircuitBreaking', {
  StatTimeWindow: may(seconds),
  MinRequestAmount: may(count),
  DegradedTimeWindow: may(seconds),
  SlowTimeThreshold: may(seconds),
  SlowAmountThreshold: may(count),
  SlowRatioThreshold: may(number(0, 1)),
  ErrorAmountThreshold: may(count),
  ErrorRatioThreshold: may(number(0, 1)),
  DegradedStatusCode: may(integer(0, 599)),
  DegradedResponseContent: may(text(anyText)),
})

const outboundCluster = object('OutboundCluster', {
  Endpoints: may(
    map(
      anyText,
      object('OutboundEndpoint', {
        Weight: must(weight),
        Key: may(text(anyText)),
        Path: may(text(anyText)),
        ViaGateway: may(text(anyText)),
      }),
    ),
  ),
  ConnectionSettings: may(
    object('ConnectionSettings', {
      tcp: may(object('TcpSettings', { MaxConnections: may(count), ConnectTimeout: may(seconds) })),
      http: may(
        object('HttpSettings', {
          MaxRequests: may(count),
          MaxRequestsPerConnection: may(count),
          MaxPendingRequests: may(count),
          MaxRetries: may(count),
          CircuitBreaking: may(breaker),
        }),
      ),
    }),
  ),
  RetryPolicy: may(
    object('RetryPolicy', {
      RetryOn: may(text(anyText)),
      PerTryTimeout: may(seconds),
      NumRetries: may(integer(0, 1_000)),
      RetryBackoffBaseInterval: may(seconds),
    }),
  ),
  SourceCert: may(json),
  Hash: may(number(0)),
})

const spec = object('Spec', {
  ServiceIdentity: may(text(anyText)),
  SidecarLogLevel: may(text(anyText)),
  SidecarTimeout: may(seconds),
  Traffic: may(
    object('Traffic', {
      EnableEgress: may(boolean),
      HTTP1PerRequestLoadBalancing: may(boolean),
      HTTP2PerRequestLoadBalancing: may(boolean),
    }),
  ),
  FeatureFlags: may(
    object('FeatureFlags', {
      EnableSidecarActiveHealthChecks: may(boolean),
      EnableAutoDefaultRoute: may(boolean),
    }),
  ),
  Probes: may(
    object('Probes', {
      ReadinessProbes: may(list(json)),
      LivenessProbes: may(list(json)),
      StartupProbes: may(list(json)),
    }),
  ),
  ClusterSet: may(map(anyText, text(anyText))),
  Observability: may(object('Observability', { tracing: may(json), remoteLogging: may(json) })),
  LocalDNSProxy: may(json),
})

/** The whole of FSM's `config.json`. */
export const fsmShape = object('SidecarConfig', {
  Ts: may(json),
  Version: may(json),
  Metrics: may(boolean),
  Spec: may(spec),
  Certificate: may(json),
  Inbound: may(
    object('Inbound', {
      TrafficMatches: may(map(portText, inboundMatch)),
      ClustersConfigs: may(map(anyText, weights)),
    }),
  ),
  Outbound: may(
    object('Outbound', {
      TrafficMatches: may(map(portText, list(outboundMatch))),
      ClustersConfigs: may(map(anyText, outboundCluster)),
    }),
  ),
  Forward: may(json),
  AllowedEndpoints: may(map(cidr, json)),
  Chains: may(
    object('Chains', {
      'inbound-tcp': may(list(text(anyText))),
      'inbound-http': may(list(text(anyText))),
      'outbound-tcp': may(list(text(anyText))),
      'outbound-http': may(list(text(anyText))),
    }),
  ),
  DNSResolveDB: may(json),
})

/** The whole config. */
export type FsmConfig = Read<typeof fsmShape>
/** Its `Spec`. */
export type FsmSpec = Read<typeof spec>
/** What is done with one inbound port. */
export type FsmInboundMatch = Read<typeof inboundMatch>
/** What is done with one outbound port, for some destinations. */
export type FsmOutboundMatch = Read<typeof outboundMatch>
/** A service, under `HttpServiceRouteRules`. */
export type FsmRuleSet = Read<typeof ruleSet>
/** One route of a service. */
export type FsmRouteRule = Read<typeof routeRule>
/** Endpoints that may be called. */
export type FsmOutboundCluster = Read<typeof outboundCluster>
/** Requests per time. */
export type FsmHttpLimit = Read<typeof httpLimit>
/** New connections per time. */
export type FsmConnectionLimit = Read<typeof connectionLimit>
/** When a cluster is left alone. */
export type FsmBreaker = Read<typeof breaker>

import { defaults } from '../defaults.ts'
import { builtOriginalDestinations } from '../settings.ts'
import {
  choice,
  either,
  integer,
  json,
  list,
  map,
  object,
  optional,
  type Read,
  required,
  text,
  withDefault,
} from '../shape/shape.ts'
import {
  address,
  cidr,
  duration,
  headerName,
  hostPattern,
  listenAddress,
  method,
  name,
  regex,
  requestPath,
} from '../shape/texts.ts'
import {
  balancingShape,
  breakerShape,
  connectionLimitShape,
  connectionsShape,
  endpointShape,
  rateLimitShape,
  retryShape,
  splitShape,
} from './policy-shapes.ts'

const protocolShape = withDefault(
  choice(['http', 'grpc', 'tcp', 'tcp-server-first', 'https']),
  defaults.protocol,
  'What is spoken. http and grpc go through the http chains; the others are relayed as bytes.',
)

/** `originalDestination` */
export const originalDestinationShape = choice(builtOriginalDestinations)

const pathShape = either(
  text(requestPath),
  object('path', {
    exact: optional(text(requestPath), 'The whole path, without query.'),
    prefix: optional(
      text(requestPath),
      'The path, or its beginning up to a slash: /a is for /a and /a/b, not for /ab.',
    ),
    regex: optional(
      text(regex),
      'A regular expression that is found in the path, without query; anchor it with ^ and $.',
    ),
  }),
)

const routeFields = {
  name: optional(text(name), 'Stands in metrics and logs.'),
  path: optional(
    pathShape,
    'A plain text is an exact path. Any path when missing. Exact ones are tried first, then the longest prefix, then regular expressions in the order given.',
  ),
  methods: optional(list(text(method), 1), 'Any method when missing.'),
  headers: withDefault(
    map(headerName, text(regex)),
    {},
    'Header → regular expression that must be found in its value. A missing header is an empty value.',
  ),
  rateLimit: optional(rateLimitShape, 'Requests per time on this route.'),
  timeout: optional(text(duration), 'Longest time from the request to the end of its answer.'),
}

const inboundRouteShape = object('inboundRoute', {
  ...routeFields,
  callers: optional(
    list(text(name), 1),
    'Callers that it is for, as serviceAccount.namespace. Anyone when missing.',
  ),
})

const outboundRouteShape = object('outboundRoute', {
  ...routeFields,
  cluster: optional(text(name), 'The cluster that requests go to.'),
  split: optional(
    splitShape,
    'Shares of several clusters, such as {v1: 90, v2: 10}; one at least is above 0. Those of 0 are used only when the others fail.',
  ),
})

const clusterFields = {
  balancing: optional(balancingShape, 'How an endpoint is chosen.'),
  connections: optional(connectionsShape, 'Limits of the connections to each endpoint.'),
  connectTimeout: optional(
    text(duration),
    'Longest time for a connection to open; as in `timeouts` when missing.',
  ),
  retry: optional(retryShape, 'When a request is tried again. Never when missing.'),
  circuitBreaker: optional(
    breakerShape,
    'When requests are answered without asking the endpoints. Never when missing.',
  ),
}

const pluginsField = withDefault(map(name, json), {}, 'Plugin → its configuration for this service.')

/** One of `inbound`. */
export const inboundRuleShape = object('inboundRule', {
  name: optional(text(name), 'Stands in metrics and logs.'),
  listen: optional(text(listenAddress), 'Where to listen. The flag --inbound says it too.'),
  originalDestination: optional(
    originalDestinationShape,
    'How the destination of a connection is learnt; as at the top when missing.',
  ),
  port: optional(
    integer(1, 65_535),
    'The destination port that the rule is for. Without it: the port of `listen` with `listener`, else any port.',
  ),
  protocol: protocolShape,
  application: optional(text(address), 'Where the application listens.'),
  endpoints: optional(
    list(endpointShape, 1),
    'In place of `application`, when it listens on several addresses.',
  ),
  hosts: optional(
    list(text(hostPattern), 1),
    'Hosts that are served; any when missing. Also without their port; *.domain and * are known.',
  ),
  routes: optional(list(inboundRouteShape, 1), 'What is let through. All requests when missing.'),
  rateLimit: optional(rateLimitShape, 'Requests per time, over all routes.'),
  requestTimeout: optional(text(duration), 'Longest time for a request where its route says nothing.'),
  connectionLimit: optional(connectionLimitShape, 'New connections per time.'),
  ...clusterFields,
  plugins: pluginsField,
})

const clusterShape = object('cluster', {
  endpoints: required(list(endpointShape), 'Where it runs: host:port, or {address, weight}.'),
  ...clusterFields,
})

/** One of `outbound.services`. */
export const serviceShape = object('service', {
  name: required(text(name), 'Stands in metrics and logs, and is its host when `hosts` is missing.'),
  protocol: protocolShape,
  listen: optional(text(listenAddress), 'A port of its own. Whoever connects to it wants this service.'),
  hosts: optional(list(text(hostPattern), 1), 'Hosts that mean this service; the name when missing.'),
  ports: optional(list(integer(1, 65_535), 1), 'Destination ports that mean this service. Any when missing.'),
  addresses: optional(
    list(text(cidr), 1),
    'Destination addresses and ranges that mean this service. Any when missing.',
  ),
  endpoints: optional(list(endpointShape), 'Where it runs: host:port, or {address, weight}.'),
  clusters: withDefault(
    map(name, clusterShape),
    {},
    'Several groups of endpoints, by name, such as versions.',
  ),
  split: optional(
    splitShape,
    'Shares of the clusters, where a route does not say; one at least is above 0. Those of 0 are used only when the others fail.',
  ),
  routes: optional(list(outboundRouteShape, 1), 'Which requests go where. All alike when missing.'),
  rateLimit: optional(rateLimitShape, 'Requests per time, over all routes.'),
  requestTimeout: optional(text(duration), 'Longest time for a request where its route says nothing.'),
  ...clusterFields,
  plugins: pluginsField,
})

/** One of `inbound`, as it was read. */
export type InboundRuleSpec = Read<typeof inboundRuleShape>
/** One of `outbound.services`, as it was read. */
export type ServiceSpec = Read<typeof serviceShape>
/** A route of an inbound rule, as it was read. */
export type InboundRouteSpec = Read<typeof inboundRouteShape>
/** A route of a service, as it was read. */
export type OutboundRouteSpec = Read<typeof outboundRouteShape>
/** One of `clusters`, as it was read. */
export type ClusterSpec = Read<typeof clusterShape>
/** `path`, as it was read. */
export type PathSpec = Read<typeof pathShape>

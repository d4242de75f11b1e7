import { configLimits, defaults } from '../defaults.ts'
import { manifestsShape, pluginEntryShape } from '../manifests/entry-shape.ts'
import { logLevels } from '../settings.ts'
import {
  boolean,
  choice,
  either,
  integer,
  list,
  map,
  number,
  object,
  optional,
  type Read,
  text,
  withDefault,
} from '../shape/shape.ts'
import {
  addressOrOff,
  anyText,
  cidr,
  duration,
  listenAddress,
  logTemplate,
  name,
  size,
} from '../shape/texts.ts'
import { inboundRuleShape, originalDestinationShape, serviceShape } from './traffic-shapes.ts'

const off = choice(['off'])

const sidecarShape = object('sidecar', {
  name: optional(text(anyText), 'Name of the pod; else POD_NAME from the environment.'),
  namespace: optional(text(anyText), 'Namespace; else POD_NAMESPACE from the environment.'),
  serviceAccount: optional(text(anyText), 'Service account; else SERVICE_ACCOUNT from the environment.'),
  workloadKind: optional(
    text(anyText),
    'Kind of the workload; else POD_CONTROLLER_KIND from the environment.',
  ),
  labels: optional(map(name, text(anyText)), 'Labels, by which plugin chains select sidecars.'),
  namespaceLabels: optional(
    map(name, text(anyText)),
    'Labels of the namespace, by which plugin chains select sidecars.',
  ),
})

const outboundShape = object('outbound', {
  listen: optional(
    either(text(listenAddress), list(text(listenAddress), 1)),
    'Where to listen, one address or several. The flag --outbound says it too.',
  ),
  originalDestination: optional(
    originalDestinationShape,
    'How the destination of a connection is learnt; as at the top when missing.',
  ),
  egress: withDefault(
    boolean,
    false,
    'Whether connections that no service covers may go where they were going.',
  ),
  services: withDefault(list(serviceShape), [], 'What the application may call.'),
})

const timeoutsShape = object('timeouts', {
  connect: withDefault(
    text(duration),
    defaults.timeouts.connectMs,
    'Longest time for a connection to an endpoint to open.',
  ),
  requestHead: withDefault(
    text(duration),
    defaults.timeouts.requestHeadMs,
    'Longest time for the head of a request to arrive, and from accept to the first one.',
  ),
  idle: withDefault(
    text(duration),
    defaults.timeouts.idleMs,
    'Longest silence between requests, within a body, and of a TCP connection both ways.',
  ),
  request: withDefault(
    text(duration),
    defaults.timeouts.requestMs,
    'Longest time from a request to the end of its answer. 0 is none.',
  ),
  drain: withDefault(
    text(duration),
    defaults.timeouts.drainMs,
    'How long what is in flight may go on after SIGTERM.',
  ),
})

const limitsShape = object('limits', {
  connections: withDefault(
    integer(1),
    defaults.limits.maxConnections,
    'Client connections at once, in each worker.',
  ),
  head: withDefault(
    text(size),
    defaults.limits.maxHeadBytes,
    'Size of a message head; larger ones are answered 431.',
  ),
  target: withDefault(
    text(size),
    defaults.limits.maxTargetBytes,
    'Size of a request target; longer ones are answered 414.',
  ),
  headers: withDefault(
    integer(1),
    defaults.limits.maxHeaders,
    'Headers of one message; more are answered 431.',
  ),
  body: withDefault(
    text(size),
    defaults.limits.maxBodyBytes,
    'Size of a request body; larger ones are answered 413. 0 is no limit.',
  ),
  requestsPerConnection: optional(
    integer(1),
    'Requests on one client connection before it is closed; no limit when missing.',
  ),
  replay: withDefault(
    text(size),
    defaults.limits.maxReplayBytes,
    'How much of a request body is kept so that it can be sent again.',
  ),
})

const forwardingShape = object('forwarding', {
  via: withDefault(
    text(anyText),
    'off',
    'The name that is put into Via, or off. Some servers stop compressing for requests that have a Via.',
  ),
  forwardedFor: withDefault(
    choice(['append', 'replace', 'off']),
    defaults.forwarding.forwardedFor,
    'X-Forwarded-For: append to what the client sent, replace it, or off.',
  ),
  forwardedProto: withDefault(
    boolean,
    defaults.forwarding.forwardedProto,
    'Whether X-Forwarded-Proto is set.',
  ),
  forwardedHost: withDefault(boolean, defaults.forwarding.forwardedHost, 'Whether X-Forwarded-Host is set.'),
  requestId: withDefault(
    choice(['keep', 'replace', 'off']),
    defaults.forwarding.requestId,
    "X-Request-Id: keep the client's or make one, always make one, or off.",
  ),
})

const accessLogShape = either(
  text(anyText),
  object('accessLog', {
    path: withDefault(text(anyText), '-', 'A file that is appended to; - is standard output.'),
    sample: withDefault(number(0, 1), defaults.accessLogSample, 'Share of the exchanges that are logged.'),
    fields: optional(
      map(name, text(logTemplate)),
      'Field → template with %{…}. The usual fields when missing.',
    ),
  }),
)

const stepPlace = either(number(-1_000_000, 1_000_000), off)
const chainShape = either(list(text(name)), map(name, stepPlace))

const chainsShape = object('chains', {
  'inbound-tcp': optional(chainShape, 'A list of all steps in order, or step → priority or off.'),
  'inbound-http': optional(chainShape, 'A list of all steps in order, or step → priority or off.'),
  'outbound-tcp': optional(chainShape, 'A list of all steps in order, or step → priority or off.'),
  'outbound-http': optional(chainShape, 'A list of all steps in order, or step → priority or off.'),
})

const adminShape = object('admin', {
  address: withDefault(
    text(addressOrOff),
    defaults.process.admin ?? 'off',
    'Where the admin port listens, or off.',
  ),
  tokenFile: optional(
    text(name),
    'A file with the token that changes need when the port is not on loopback. Relative to this config.',
  ),
})

/** The whole config, key by key. The JSON Schema is written from it. */
export const configShape = object('config', {
  sidecar: optional(sidecarShape, 'Who this sidecar is.'),
  originalDestination: withDefault(
    originalDestinationShape,
    defaults.originalDestination,
    'How the destination of a connection is learnt. listener: from the port that it came in by. header: x-pillion-original-destination. proxy-protocol: PROXY protocol v1 and v2.',
  ),
  originalDestinationFrom: withDefault(
    list(text(cidr)),
    [...defaults.trustedSources],
    'Who is believed about the destination: addresses and ranges.',
  ),
  allow: optional(
    list(text(cidr)),
    'Who may connect to the inbound side: addresses and ranges. Everyone when missing.',
  ),
  inbound: withDefault(list(inboundRuleShape), [], 'What comes in, to the application beside us.'),
  outbound: optional(outboundShape, 'What goes out, from the application beside us.'),
  timeouts: optional(timeoutsShape, 'Every wait has its own limit; 0 is none.'),
  limits: optional(limitsShape, 'What clients may use up.'),
  forwarding: optional(forwardingShape, 'Headers that are added about us and the client.'),
  accessLog: optional(accessLogShape, 'A path, - for standard output, off, or an object. Off when missing.'),
  chains: optional(chainsShape, 'Changes to the four chains.'),
  manifests: withDefault(
    manifestsShape,
    [],
    'Files and folders with plugins: manifests in YAML or JSON, and scripts. Relative to this config. The flag --manifests adds to them.',
  ),
  plugins: withDefault(
    list(pluginEntryShape),
    [],
    'Plugins from files of their own, and more about those of the manifests.',
  ),
  admin: optional(either(text(addressOrOff), adminShape), 'The admin port: an address, off, or an object.'),
  metrics: withDefault(
    text(addressOrOff),
    defaults.process.metrics ?? 'off',
    'The metrics port: an address, or off.',
  ),
  workers: optional(
    either(integer(1, configLimits.maxWorkers), choice(['auto'])),
    'Worker threads; auto is one for each processor.',
  ),
  logLevel: withDefault(choice(logLevels), defaults.process.logLevel, 'What is logged: this and all worse.'),
  fsmMetrics: withDefault(
    boolean,
    false,
    "Whether FSM's metric names and its fsm-stats header are served too.",
  ),
})

/** The whole config, as it was read. */
export type ConfigSpec = Read<typeof configShape>
/** Its `outbound`. */
export type OutboundSpec = Read<typeof outboundShape>
/** One of its `chains`. */
export type ChainSpec = Read<typeof chainShape>

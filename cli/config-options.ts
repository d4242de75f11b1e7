import type { ConfigFlags, LoadOptions } from '../proxy/config/settings.ts'
import type { OptionSpecs, OptionValues } from './options.ts'

/** The options that say what the sidecar does; `run` and `validate` have the same. */
export const configOptions = {
  config: { short: 'c', value: 'FILE', help: "our YAML, or FSM's config.json or config.json.gz" },
  manifests: {
    short: 'f',
    value: 'PATH',
    isMany: true,
    help: 'plugins: manifests (YAML, JSON), scripts (.js, .ts), modules (.wasm), or a folder of them',
  },
  inbound: { value: 'ADDR', isMany: true, help: 'listen here for traffic to the application (host:port)' },
  outbound: { value: 'ADDR', isMany: true, help: 'listen here for traffic from the application (host:port)' },
  'original-destination': {
    value: 'MODE',
    help: 'where connections were going: listener, header or proxy-protocol',
  },
  'original-destination-from': {
    value: 'CIDR',
    isMany: true,
    help: 'believe senders in this range about it; loopback when not given',
  },
  labels: { value: 'K=V,…', help: 'labels of this pod' },
  'labels-file': { value: 'FILE', help: "the same, in a file of Kubernetes' downward API" },
  'namespace-labels': { value: 'K=V,…', help: 'labels of its namespace' },
  namespace: { value: 'NAME', help: 'namespace of this pod' },
  'service-account': { value: 'NAME', help: 'service account of this pod' },
  admin: { value: 'ADDR', help: 'the admin port, or off' },
  metrics: { value: 'ADDR', help: 'the metrics port, or off' },
  workers: { value: 'N', help: 'worker threads: a number, or auto for one each processor' },
  'log-level': { value: 'LEVEL', help: 'debug, info, warn or error' },
  'access-log': { value: 'PATH', help: 'one JSON line for each exchange; - is standard output, or off' },
  'module-cache': {
    value: 'DIR',
    help: 'keep WebAssembly modules here; the cache folder of the user when not given',
  },
  'registry-credentials': {
    value: 'FILE',
    help: 'a config.json of docker, for registries of WebAssembly modules',
  },
  'plain-registry': {
    value: 'HOST',
    isMany: true,
    help: 'speak to this registry (host or host:port) without TLS',
  },
  help: { short: 'h', value: null, help: 'this text' },
} as const satisfies OptionSpecs

/** What the parsed options ask to be loaded. Values are checked there, not here. */
export function loadOptionsOf(values: OptionValues): LoadOptions {
  const one = (name: keyof typeof configOptions): string | undefined => values.get(name)?.[0]
  const flags = {
    manifests: values.get('manifests'),
    inbound: values.get('inbound'),
    outbound: values.get('outbound'),
    originalDestination: one('original-destination'),
    originalDestinationFrom: values.get('original-destination-from'),
    labels: one('labels'),
    labelsFile: one('labels-file'),
    namespaceLabels: one('namespace-labels'),
    namespace: one('namespace'),
    serviceAccount: one('service-account'),
    admin: one('admin'),
    metrics: one('metrics'),
    workers: one('workers'),
    logLevel: one('log-level'),
    accessLog: one('access-log'),
    moduleCache: one('module-cache'),
    registryCredentials: one('registry-credentials'),
    plainRegistries: values.get('plain-registry'),
  } satisfies { [Name in keyof ConfigFlags]-?: ConfigFlags[Name] | undefined }
  const given = Object.entries(flags).filter(([, value]) => value !== undefined)
  return {
    configFile: one('config') ?? null,
    flags: Object.fromEntries(given) as ConfigFlags,
    env: process.env,
  }
}

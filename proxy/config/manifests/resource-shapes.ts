import { defaults } from '../defaults.ts'
import {
  json,
  list,
  map,
  number,
  object,
  optional,
  type Read,
  required,
  text,
  withDefault,
} from '../shape/shape.ts'
import { anyText, name } from '../shape/texts.ts'
import { policyShape } from './policy.ts'
import { selectorShape } from './selectors.ts'
import { pluginVersion, resourceName } from './texts.ts'
import { wasmShape } from './wasm-shapes.ts'

const kept = (description: string) => optional(json, description)

const metadataShape = object('metadata', {
  name: required(text(resourceName), 'The name of the resource.'),
  namespace: optional(text(name), 'Its namespace.'),
  labels: kept('Not used.'),
  annotations: withDefault(
    map(name, text(anyText)),
    {},
    'Those that begin with pillion.dev/ say how a plugin is run, where spec.policy cannot.',
  ),
  uid: kept('Written by Kubernetes.'),
  resourceVersion: kept('Written by Kubernetes.'),
  generation: kept('Written by Kubernetes.'),
  generateName: kept('Written by Kubernetes.'),
  creationTimestamp: kept('Written by Kubernetes.'),
  deletionTimestamp: kept('Written by Kubernetes.'),
  deletionGracePeriodSeconds: kept('Written by Kubernetes.'),
  managedFields: kept('Written by Kubernetes.'),
  ownerReferences: kept('Written by Kubernetes.'),
  finalizers: kept('Written by Kubernetes.'),
  selfLink: kept('Written by Kubernetes.'),
})

/** What every resource begins with. */
export const resourceHead = {
  apiVersion: required(text(anyText), 'plugin.flomesh.io/v1alpha1, or extensions.istio.io/v1alpha1.'),
  kind: required(text(anyText), 'Plugin, PluginChain, PluginConfig, WasmPlugin or TrafficExtension.'),
  metadata: required(metadataShape, 'Name and annotations.'),
  status: kept('Written by a control plane.'),
} as const

/** A plugin: its script, and where it stands among others. */
export const pluginShape = object('plugin', {
  ...resourceHead,
  spec: required(
    object('pluginSpec', {
      pipyscript: optional(text(anyText), 'A script of PipyJS.'),
      javascript: optional(text(anyText), 'An ES module whose default export is a plugin.'),
      typescript: optional(text(anyText), 'The same in TypeScript.'),
      wasm: optional(wasmShape, 'A WebAssembly module.'),
      priority: optional(
        number(-1_000_000, 1_000_000),
        `Its place in a chain: higher ones come first. ${defaults.pluginPriority} when missing, which is before load balancing.`,
      ),
      version: optional(
        text(pluginVersion),
        'Stands in logs and metrics. Made from the script when missing.',
      ),
      policy: optional(policyShape, 'How it is run.'),
    }),
    'What it is.',
  ),
})

/** Which plugins stand in which chains of which sidecars. */
export const pluginChainShape = object('pluginChain', {
  ...resourceHead,
  spec: required(
    object('pluginChainSpec', {
      chains: required(
        list(
          object('chainPlugins', {
            name: required(text(anyText), 'inbound-tcp, inbound-http, outbound-tcp or outbound-http.'),
            plugins: required(list(text(resourceName)), 'Names of plugins.'),
          }),
        ),
        'The plugins of each chain.',
      ),
      selectors: optional(
        object('chainSelectors', {
          podSelector: optional(selectorShape, 'By the labels of the pod.'),
          namespaceSelector: optional(selectorShape, 'By the labels of its namespace.'),
        }),
        'The sidecars that are meant; all when missing.',
      ),
    }),
    'What it is.',
  ),
})

/** What a plugin is told about some services. */
export const pluginConfigShape = object('pluginConfig', {
  ...resourceHead,
  spec: required(
    object('pluginConfigSpec', {
      plugin: required(text(resourceName), 'The plugin that it is for.'),
      destinationRefs: withDefault(
        list(
          object('destinationRef', {
            kind: required(text(anyText), 'Service.'),
            name: required(text(name), 'Name of the service.'),
            namespace: optional(text(name), 'Its namespace; that of the PluginConfig when missing.'),
            apiVersion: kept('Not used.'),
            uid: kept('Not used.'),
            resourceVersion: kept('Not used.'),
            fieldPath: kept('Not used.'),
          }),
        ),
        [],
        'The services that it is for.',
      ),
      config: required(json, 'Handed to the plugin as it is.'),
    }),
    'What it is.',
  ),
})

/** A Plugin, as it was read. */
export type PluginResource = Read<typeof pluginShape>
/** A PluginChain, as it was read. */
export type PluginChainResource = Read<typeof pluginChainShape>
/** A PluginConfig, as it was read. */
export type PluginConfigResource = Read<typeof pluginConfigShape>

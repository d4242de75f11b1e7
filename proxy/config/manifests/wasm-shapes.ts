import { pullPolicies } from '../../modules/contract.ts'
import { boolean, choice, json, list, object, optional, required, text, withDefault } from '../shape/shape.ts'
import { anyText, name } from '../shape/texts.ts'
import { moduleUrl, sha256Digest, variableName } from './texts.ts'

const environmentShape = list(
  object('wasmVariable', {
    name: required(text(variableName), 'Name of the variable.'),
    valueFrom: optional(
      choice(['INLINE', 'HOST']),
      'INLINE: `value`. HOST: as in the environment of this process, if `grants.env` of the policy names it.',
    ),
    value: optional(text(anyText), 'Its value, with INLINE.'),
  }),
)

/** Fields of a WebAssembly plugin that mean the same in each kind that has one. */
export const moduleFields = {
  sha256: optional(
    text(sha256Digest),
    'Of the file; of an image, the SHA-256 of its manifest. Another one is refused.',
  ),
  imagePullPolicy: optional(
    choice(['UNSPECIFIED_POLICY', ...pullPolicies]),
    'IfNotPresent, or Always, which asks again when the resource changes. Always for the tag latest, or none, when missing.',
  ),
  pluginConfig: optional(json, 'What the module is told: text as it is, anything else as JSON.'),
  pluginName: optional(text(anyText), 'Which of the root contexts of the module is meant.'),
} as const

/** `url` of a plugin whose resource must have one. */
export const requiredUrl = required(
  text(moduleUrl),
  'Where the module is: oci://, http:// or https://, or file: relative to this manifest. oci:// when there is none.',
)

/** `vmConfig` as Istio has it. */
export const vmConfigShape = object('wasmVmConfig', {
  env: withDefault(environmentShape, [], 'All that the module sees of an environment.'),
})

/** A WebAssembly plugin in a `Plugin`, and in `plugins` of our YAML. */
export const wasmShape = object('wasmPlugin', {
  url: optional(
    text(moduleUrl),
    'Where the module is: oci://, http:// or https://, or file: relative to this file. oci:// when there is none.',
  ),
  ...moduleFields,
  vmConfig: optional(
    object('wasmMachine', {
      env: withDefault(environmentShape, [], 'All that the module sees of an environment.'),
      vmId: optional(
        text(anyText),
        'Plugins of one module share an instance in a worker when this, `configuration` and `env` are the same.',
      ),
      configuration: optional(json, 'What the instance is told: text as it is, anything else as JSON.'),
    }),
    'Of the instance.',
  ),
  capabilities: optional(
    list(text(name)),
    'Host functions and callbacks that the module may use. All when missing.',
  ),
  allowOnHeadersStopIteration: optional(
    boolean,
    'Whether body callbacks come while the module holds headers. False when missing.',
  ),
})

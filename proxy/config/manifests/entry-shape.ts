import { chainNames } from '../../../chains/model.ts'
import { defaults } from '../defaults.ts'
import { choice, json, list, number, object, optional, type Read, required, text } from '../shape/shape.ts'
import { anyText, name } from '../shape/texts.ts'
import { policyShape } from './policy.ts'
import { pluginVersion, resourceName } from './texts.ts'
import { wasmShape } from './wasm-shapes.ts'

/** One of `plugins` of our YAML: a plugin from a file of its own, or more about one from the manifests. */
export const pluginEntryShape = object('pluginEntry', {
  name: required(text(resourceName), 'The plugin.'),
  file: optional(
    text(name),
    'Its script, relative to this config: .js or .mjs, .ts or .mts; or a .wasm. Missing where a manifest has it.',
  ),
  language: optional(
    choice(['pipyjs', 'javascript', 'typescript']),
    'What the file is written in. Told by its name and content when missing.',
  ),
  version: optional(
    text(pluginVersion),
    'Stands in logs and metrics, for a plugin with a `file`. Made from the script when missing.',
  ),
  chains: optional(
    list(choice(chainNames), 1),
    'The chains that it stands in. As its manifests or its file say when missing.',
  ),
  priority: optional(
    number(-1_000_000, 1_000_000),
    `Its place in the chains: higher ones come first. As its manifest or its file say when missing, else ${defaults.pluginPriority}, which is before load balancing.`,
  ),
  policy: optional(policyShape, 'How it is run. What is missing is as its manifest or its file say.'),
  wasm: optional(
    wasmShape,
    'Of a plugin that is a WebAssembly module: its `url`, unless it has a `file`, and the rest.',
  ),
  config: optional(
    json,
    'What it is told where a service says nothing of it; of a WebAssembly module, its `pluginConfig`.',
  ),
})

/** `manifests` of our YAML. */
export const manifestsShape = list(text(anyText))

/** A {@link pluginEntryShape}, as it was read. */
export type PluginEntry = Read<typeof pluginEntryShape>

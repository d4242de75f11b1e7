import type { PluginSpec } from '../../chains/plugins.ts'

/** What decides, beside its policy, what a plugin does: its source, or its module and what that is told. */
export function contentOf({ source, wasm }: PluginSpec): string {
  if (!wasm) return source
  const { module: _, configuration, vmConfiguration, ...rest } = wasm
  const [own, ofVm] = [configuration, vmConfiguration].map((bytes) => Buffer.from(bytes).toString('base64'))
  return JSON.stringify([own, ofVm, rest])
}

/** A plugin without its compiled module, for which its digest stands: nothing but threads can take that. */
export function plainSpec(spec: PluginSpec): unknown {
  const { wasm, previous, ...rest } = spec
  return { ...rest, ...(wasm && { content: contentOf(spec) }), previous: previous && plainSpec(previous) }
}

import type { ChainName } from '../../../chains/model.ts'
import type { PluginDefinition } from './definition.ts'
import type { IstioModule, TrafficExtensionResource, WasmPluginResource } from './istio-shapes.ts'
import { noPolicy, overlay, type PolicyParts } from './policy.ts'
import type { Report } from './report.ts'
import { checkSelector, type Selector } from './selectors.ts'
import { stampOf, wasmDefinition } from './wasm-definition.ts'

/** What annotations say of a plugin. */
interface SaidElsewhere {
  readonly version: string | null
  readonly policy: PolicyParts
}

/** Istio's root namespace: what stands there is for all. */
const rootNamespace = 'istio-system'

/** The plugin that a WasmPlugin is. */
export function ofWasmPlugin(
  resource: WasmPluginResource,
  said: SaidElsewhere,
  report: Report,
): PluginDefinition {
  return definitionOf(resource, resource.spec, ['spec'], said, report)
}

/** The plugin that a TrafficExtension is; null when it is no module, which is reported. */
export function ofTrafficExtension(
  resource: TrafficExtensionResource,
  said: SaidElsewhere,
  report: Report,
): PluginDefinition | null {
  const { wasm, lua } = resource.spec
  if (lua !== null) {
    report.add(
      ['spec', 'lua'],
      'is not run here: expected `wasm`, or the same in JavaScript, as `javascript` of a Plugin',
      'key',
    )
    return null
  }
  if (wasm) return definitionOf(resource, wasm, ['spec', 'wasm'], said, report)
  if (!report.faults.isRefused(['spec'], 'wasm'))
    report.add(['spec'], 'has no `wasm`: expected one, with its url')
  return null
}

function definitionOf(
  { metadata, spec }: WasmPluginResource | TrafficExtensionResource,
  module: IstioModule,
  path: readonly string[],
  said: SaidElsewhere,
  report: Report,
): PluginDefinition {
  warnOfUnused(module, path, report)
  checkSelector(spec.selector, report)
  return {
    name: metadata.name,
    version: said.version,
    language: 'wasm',
    text: '',
    file: report.file,
    textPlace: null,
    priority: null,
    // annotations are of us, and the other words of Istio, which has not as many
    policy: overlay(said.policy, { ...noPolicy, onError: onErrorOf(module) }),
    chains: chainsOf(spec.match, module.type === 'NETWORK' ? 'tcp' : 'http', report),
    report,
    paths: { name: ['metadata', 'name'], text: [...path, 'url'] },
    wasm: wasmDefinition(module, report.file, stampOf(metadata), report),
    place: {
      phase: spec.phase ?? 'UNSPECIFIED_PHASE',
      priority: spec.priority,
      created: String(metadata.creationTimestamp ?? ''),
    },
    selection: {
      selector: selectorOf(spec, report),
      namespace: metadata.namespace === rootNamespace ? null : metadata.namespace,
    },
  }
}

const onErrorOf = ({ failStrategy }: IstioModule): PolicyParts['onError'] =>
  failStrategy === null ? null : failStrategy === 'FAIL_OPEN' ? 'open' : 'close'

function selectorOf(spec: WasmPluginResource['spec'] | TrafficExtensionResource['spec'], report: Report) {
  const targets = (['targetRef', 'targetRefs'] as const).filter((key) => spec[key] !== null)
  for (const key of targets)
    report.warn(['spec', key], 'is for gateways and waypoints: the plugin is in no chain of a sidecar', 'key')
  return targets.length > 0 ? ('none' as const) : (spec.selector satisfies Selector | null)
}

function warnOfUnused(module: IstioModule, path: readonly string[], report: Report): void {
  if (module.imagePullSecret !== null)
    report.warn(
      [...path, 'imagePullSecret'],
      'is not read: expected the same credentials in a file, as --registry-credentials FILE',
      'key',
    )
  if (module.verificationKey !== null)
    report.warn([...path, 'verificationKey'], 'has no effect: expected `sha256`', 'key')
}

function chainsOf(
  match: WasmPluginResource['spec']['match'],
  kind: 'http' | 'tcp',
  report: Report,
): readonly ChainName[] {
  const modes = match.length === 0 ? [null] : match.map(({ mode }) => mode)
  for (const one of match) {
    if (one.ports.length === 0) continue
    report.warn(
      report.pathOf(one, 'ports'),
      'is not told apart here: the plugin is for all ports of its chains',
      'key',
    )
  }
  const chains: ChainName[] = []
  if (modes.some((mode) => mode !== 'CLIENT')) chains.push(`inbound-${kind}`)
  if (modes.some((mode) => mode !== 'SERVER')) chains.push(`outbound-${kind}`)
  return chains
}

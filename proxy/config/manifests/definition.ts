import type { ChainName } from '../../../chains/model.ts'
import type { Path } from '../fault.ts'
import type { TextPlace } from '../source/text-place.ts'
import type { PhasePlace } from './phases.ts'
import type { PolicyParts } from './policy.ts'
import type { Report } from './report.ts'
import type { Selector } from './selectors.ts'
import type { WasmDefinition } from './wasm-definition.ts'

/** In what a plugin's author wrote it. */
export type AuthorLanguage = 'pipyjs' | 'javascript' | 'typescript'

/** One version of one plugin as somebody wrote it down, in a manifest or in a file of its own. */
export interface PluginDefinition {
  readonly name: string
  /** Null when nobody gave one. */
  readonly version: string | null
  readonly language: AuthorLanguage | 'wasm'
  readonly text: string
  readonly file: string
  /** Where the lines of the text stand in the file; null when they do not stand there one by one. */
  readonly textPlace: TextPlace | null
  readonly priority: number | null
  readonly policy: PolicyParts
  /** The chains that it names itself, in place of a PluginChain. */
  readonly chains: readonly ChainName[]
  readonly report: Report
  /** Where in the report its name and its text are. */
  readonly paths: { readonly name: Path; readonly text: Path }
  /** Of a plugin that is a WebAssembly module, and of no other; its text is empty. */
  readonly wasm?: WasmDefinition
  /** Where in Istio's order it stands; missing where nobody says so. */
  readonly place?: PhasePlace
  /** The sidecars that it is for; all when missing. */
  readonly selection?: WorkloadSelection
}

/** The sidecars that a plugin is for. */
export interface WorkloadSelection {
  /** By the labels of the pod; null is all, `none` none. */
  readonly selector: Selector | 'none' | null
  /** Null is all. */
  readonly namespace: string | null
}

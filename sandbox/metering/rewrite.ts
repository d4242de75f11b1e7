import type { Additions } from './additions.ts'
import type { Bodies } from './code.ts'
import type { Declarations } from './declarations.ts'
import type { Reader } from './reader.ts'
import type { Section, Sections } from './sections.ts'

/** What the sections around the code are rewritten with. */
export interface Rewrite {
  readonly sections: Sections
  readonly declarations: Declarations
  readonly additions: Additions
  /** The most pages of each memory; imported ones first. */
  readonly memoryMaxima: readonly number[]
  /** The most entries of each table; imported ones first. */
  readonly tableMaxima: readonly number[]
  /** The function import that is added, with the index of its type. */
  readonly tick: { readonly module: string; readonly name: string; readonly type: number } | null
  readonly fuelExport: string
  readonly initialFuel: number
  readonly bodies: Bodies
  readonly helpers: Uint8Array
}

/** Writes the content of a section from that of the module as it came, if it has one; null leaves it out. */
export type SectionWriter = (rewrite: Rewrite, reader: Reader | null) => Uint8Array | null

/** Writers by section. What has none is passed on as it is. */
export type SectionWriters = Readonly<Partial<Record<Section, SectionWriter>>>

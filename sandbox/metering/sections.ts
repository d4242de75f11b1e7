import { Reader } from './reader.ts'

/** The numbers of the sections that are metered or passed on. */
export const Section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const

/** One of {@link Section}. */
export type Section = (typeof Section)[keyof typeof Section]

/** The order in which sections stand in a module; it is not that of their numbers. */
export const sectionOrder: readonly Section[] = [
  Section.type,
  Section.import,
  Section.function,
  Section.table,
  Section.memory,
  Section.tag,
  Section.global,
  Section.export,
  Section.start,
  Section.element,
  Section.dataCount,
  Section.code,
  Section.data,
]

/** Where the content of a section lies. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** The sections of a module. */
export interface Sections {
  readonly bytes: Uint8Array
  readonly known: ReadonlyMap<Section, Span>
  /** In their order; the name is part of the content. */
  readonly custom: readonly Span[]
}

const magic = [0x00, 0x61, 0x73, 0x6d]
const coreVersion = [0x01, 0x00, 0x00, 0x00]

/** Splits a module into its sections; what is in them is not looked at. */
export function splitSections(bytes: Uint8Array): Sections {
  const reader = new Reader(bytes)
  if (!startsWith(bytes, 0, magic)) throw reader.refusal('no WebAssembly module')
  if (!startsWith(bytes, 4, coreVersion))
    throw reader.refusal('no core module of version 1 (a component?)', 4)
  reader.at = 8
  const known = new Map<Section, Span>()
  const custom: Span[] = []
  let place = -1
  while (reader.at < bytes.length) {
    const at = reader.at
    const id = reader.byte()
    const size = reader.u32()
    const span = { start: reader.at, end: reader.at + size }
    reader.skip(size)
    if (id === Section.custom) {
      // Its name must be there, or V8 refuses the module.
      new Reader(bytes, span.start, span.end).block()
      custom.push(span)
      continue
    }
    const next = sectionOrder.indexOf(id as Section)
    if (next < 0) throw reader.refusal(`unknown section ${id}`, at)
    if (next <= place) throw reader.refusal(`section ${id} twice or out of order`, at)
    place = next
    known.set(id as Section, span)
  }
  return { bytes, known, custom }
}

/** A reader of one section, or null if the module has none such. */
export function openSection(sections: Sections, section: Section): Reader | null {
  const span = sections.known.get(section)
  return span ? new Reader(sections.bytes, span.start, span.end) : null
}

function startsWith(bytes: Uint8Array, at: number, wanted: readonly number[]): boolean {
  return wanted.every((byte, index) => bytes[at + index] === byte)
}

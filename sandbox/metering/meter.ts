import { Additions } from './additions.ts'
import { readCallGraph } from './call-graph.ts'
import { makeCharges } from './charges.ts'
import { writeBodies, writeHelpers } from './code.ts'
import { type Declarations, readDeclarations } from './declarations.ts'
import { shareOut } from './limits.ts'
import { chargeLongStretches } from './long-stretches.ts'
import { writeNames } from './names.ts'
import { surveyCode } from './read-code.ts'
import { MeterRefusal } from './refusal.ts'
import type { Rewrite } from './rewrite.ts'
import { sectionWriters } from './section-writers.ts'
import { openSection, Section, sectionOrder, splitSections } from './sections.ts'
import { defaultCap, defaultLeaf } from './weights.ts'
import { Writer } from './writer.ts'

/** The exported mutable i32 global that holds what is left: `instance.exports[fuelExport].value`. Below zero, the module was stopped for it. */
export const fuelExport = '__pillion_fuel'

/**
 * The function that a module metered with `mode: 'tick'` imports, `() => number`.
 *
 * It is called when the fuel is used up, and gives the new fuel, which replaces
 * the old; a number below zero stops the module. It must not throw: the module
 * could catch that.
 */
export const tickImport = { module: '__pillion', name: 'tick' } as const

/** How a module is metered. */
export interface MeterOptions {
  /** What happens when the fuel is used up: `trap` stops, `tick` calls {@link tickImport} first. */
  readonly mode: 'trap' | 'tick'
  /** Most units that are taken at a loop head or a function entry; 32 if not given. */
  readonly cap?: number
  /** Functions of at most this many instructions, those they call counted in, are not charged at entry; 120 if not given. */
  readonly leaf?: number
  /** Fuel at instantiation, for the start function; at most 2^31 - 1. */
  readonly initialFuel: number
  /** Most pages of 64 KiB of all memories together. It becomes the maximum of an imported memory too, which the host's may not exceed then. */
  readonly maxPages: number
  /** Most entries of all tables together, imported ones too. */
  readonly maxTable: number
  /** Whether the names of functions are kept, for stack traces. Other custom sections never are. */
  readonly keepNames?: boolean
}

/** Each memory takes some 8 GiB of addresses, however small it is. */
const mostMemories = 8

/**
 * Rewrites a module so that it counts fuel down at loop heads and function
 * entries and stops when there is none left, and cannot have more memory and
 * table entries than allowed.
 *
 * The result is a new array. Throws a {@link MeterRefusal} for what is no
 * module, and for what is not metered. What V8 would refuse for another reason
 * may come out as it is, for V8 to refuse. Takes some 15 ms for a megabyte.
 */
export function meter(bytes: Uint8Array, options: MeterOptions): Uint8Array {
  checkOptions(options)
  const { cap = defaultCap, leaf = defaultLeaf, mode } = options
  const sections = splitSections(bytes)
  const declarations = readDeclarations(sections, mode === 'tick' ? 1 : 0)
  const { indexes, typeArities } = declarations
  const survey = surveyCode(sections, declarations)
  const graph = readCallGraph(survey, indexes.importedFunctions, leaf)
  chargeLongStretches(survey, graph, indexes.importedFunctions, cap)
  const additions = new Additions(typeArities.length, indexes)
  const tick = mode === 'tick' ? { ...tickImport, type: additions.type([], [[i32]]) } : null
  const charges = makeCharges(bytes, declarations, additions, tick ? indexes.importedFunctions : null)
  const bodies = writeBodies({ bytes, indexes, survey, graph, charges, cap })
  const rewrite = {
    ...{ sections, declarations, additions, tick, bodies, fuelExport },
    memoryMaxima: memoryMaxima(declarations, options.maxPages),
    tableMaxima: shareOut(
      declarations.tables.map(({ limits }) => limits),
      options.maxTable,
      'table',
    ),
    helpers: writeHelpers(additions),
    initialFuel: options.initialFuel,
  }
  return assemble(rewrite, options.keepNames ?? false)
}

/** A charge must not take the counter below what 32 bits hold. */
const mostWeight = 65_536
const mostFuel = 2 ** 31 - 1
/** What V8 takes. */
const mostPages = 65_536
const mostEntries = 10_000_000
const i32 = 0x7f
const head = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

function checkOptions(options: MeterOptions): void {
  const { initialFuel, maxPages, maxTable, cap = defaultCap, leaf = defaultLeaf } = options
  const ranges = [
    ['initialFuel', initialFuel, 0, mostFuel],
    ['maxPages', maxPages, 0, mostPages],
    ['maxTable', maxTable, 0, mostEntries],
    ['cap', cap, 1, mostWeight],
    ['leaf', leaf, 0, mostWeight],
  ] as const
  for (const [name, value, least, most] of ranges) {
    if (Number.isInteger(value) && value >= least && value <= most) continue
    throw new RangeError(`${name} is ${value}; it must be a whole number from ${least} to ${most}`)
  }
}

function memoryMaxima({ memories }: Declarations, maxPages: number): number[] {
  const tooMany = memories[mostMemories]
  if (tooMany)
    throw new MeterRefusal(`${memories.length} memories; ${mostMemories} are allowed`, tooMany.byte)
  return shareOut(memories, maxPages, 'memory')
}

function assemble(rewrite: Rewrite, keepNames: boolean): Uint8Array {
  const { sections, declarations } = rewrite
  const out = new Writer(sections.bytes.length + rewrite.bodies.bytes.length + 0x400)
  const add = (section: Section, content: Uint8Array | null): void => {
    if (!content) return
    out.byte(section)
    out.block(content)
  }
  out.append(Uint8Array.from(head))
  for (const section of sectionOrder) {
    const reader = openSection(sections, section)
    const write = sectionWriters[section]
    const asItCame = reader && sections.bytes.subarray(reader.at, reader.end)
    if (section === Section.code) add(Section.custom, rewrite.bodies.hints)
    add(section, write ? write(rewrite, reader) : asItCame)
  }
  if (keepNames) add(Section.custom, writeNames(sections, declarations.indexes))
  return out.written.slice()
}

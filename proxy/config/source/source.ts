import type { Fault } from '../fault.ts'
import type { Locator, Position } from '../fault-list.ts'

/** A parsed file: plain values, and the way back to where they stand in the text. */
export interface Source {
  readonly root: unknown
  readonly locate: Locator
  /** Faults that were found while parsing but left the rest readable. */
  readonly faults: readonly Fault[]
}

/** The faults that left nothing to look at. */
export interface Unparsed {
  readonly ok: false
  readonly faults: readonly Fault[]
  /** The keys at the top of the text, as far as its parser made them out; null when it did not look. */
  readonly topKeys: readonly string[] | null
}

/** A parsed file, or why there is none. */
export type SourceResult = { readonly ok: true; readonly source: Source } | Unparsed

/** Stands for a value about which a fault has been reported already. */
export const unreadable = Symbol('unreadable')

/** Text that was put in from the environment: it may also be meant as a number or a boolean. */
export class SubstitutedText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** Line and column of each offset, in one pass over the text. */
export function positionsOf(text: string, offsets: readonly number[]): readonly Position[] {
  const positions = new Map<number, Position>()
  let line = 1
  let lineStart = 0
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    let end = text.indexOf('\n', lineStart)
    while (end !== -1 && end < offset) {
      line += 1
      lineStart = end + 1
      end = text.indexOf('\n', lineStart)
    }
    positions.set(offset, { line, column: offset - lineStart + 1 })
  }
  return offsets.map((offset) => positions.get(offset) ?? { line: 1, column: 1 })
}

/** Line and column of one offset. */
export function positionOf(text: string, offset: number): Position {
  return positionsOf(text, [offset])[0] ?? { line: 1, column: 1 }
}

import { Section } from '../sections.ts'
import { unsigned } from '../writer.ts'

/** The bytes every module begins with. */
export const moduleHead: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

/** One section, or a custom one under 0. */
export type SectionBytes = readonly [id: number, content: readonly number[]]

/** A module out of the contents of its sections, for what the text format cannot say. */
export function binary(...sections: readonly SectionBytes[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...moduleHead,
    ...sections.flatMap(([id, content]) => [id, ...unsigned(content.length), ...content]),
  ])
}

/** A list as modules have it: how many, and then one after the other. */
export function list(...entries: readonly (readonly number[])[]): number[] {
  return [...unsigned(entries.length), ...entries.flat()]
}

/** A name with its length. */
export function name(text: string): number[] {
  return list(...Array.from(text, (letter) => [letter.charCodeAt(0)]))
}

/** A function body without locals; the `end` is added. */
export function body(...code: readonly number[]): number[] {
  return withLength([0x00, ...code, 0x0b])
}

/** Bytes with their length before them. */
export function withLength(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes]
}

/** A module of one function without parameters and results, exported as `run`, with a table and a memory. */
export function runnable(...code: readonly number[]): Uint8Array<ArrayBuffer> {
  return binary(
    [Section.type, list([0x60, 0x00, 0x00])],
    [Section.function, list([0x00])],
    [Section.table, list([0x70, 0x00, 0x01])],
    [Section.memory, list([0x00, 0x01])],
    [Section.tag, list([0x00, 0x00])],
    [Section.export, list([...name('run'), 0x00, 0x00])],
    [Section.element, list([0x01, 0x00, 0x01, 0x00])],
    [Section.dataCount, [0x01]],
    [Section.code, list(body(...code))],
    [Section.data, list([0x01, 0x00])],
  )
}

import { Writer } from './writer.ts'

const sectionName = 'metadata.code.branch_hint'
const isUnlikely = 0x00
const hintLength = 1

/**
 * Says which branches are hardly ever taken, for V8 to keep them out of the way.
 *
 * At each charge there is a call that is made once in hundreds of thousands of
 * times. Without a hint V8 saves registers for it at each of them: that made
 * calls in QuickJS 20 % slower.
 */
export class BranchHints {
  readonly #functions = new Writer(0x1000)
  #count = 0

  /** The branches of a function, in their order, by how many bytes of its body stand before them. Functions come in order. */
  add(functionIndex: number, branches: readonly number[]): void {
    if (branches.length === 0) return
    this.#count += 1
    this.#functions.u32(functionIndex)
    this.#functions.u32(branches.length)
    for (const branch of branches) {
      this.#functions.u32(branch)
      this.#functions.u32(hintLength)
      this.#functions.byte(isUnlikely)
    }
  }

  /** The content of the custom section that stands before the code; null if there is nothing to say. */
  section(): Uint8Array | null {
    if (this.#count === 0) return null
    const writer = new Writer(this.#functions.length + 0x40)
    writer.block(new TextEncoder().encode(sectionName))
    writer.u32(this.#count)
    writer.append(this.#functions.written)
    return writer.written
  }
}

import { entryField, entryKind, referenceAt, spaceAt, spaceField, spaceState } from './layout.ts'
import { sharedLimits } from './limits.ts'
import type { SharedMemory } from './memory.ts'
import type { SharedTable } from './table.ts'

/** Names of spaces are entries of this one, which is never forgotten. */
const namesSpace = 0

/**
 * The vm ids in use, by number. One that no thread uses any more dies: its name is free at once, and the main
 * thread frees what was in it. Use it in transactions.
 */
export class SharedSpaces {
  readonly #memory: SharedMemory
  readonly #table: SharedTable

  constructor(memory: SharedMemory, table: SharedTable) {
    this.#memory = memory
    this.#table = table
  }

  /** Makes the space of names, in a memory that is new. */
  format(): void {
    this.#memory.write(spaceAt(namesSpace) + spaceField.state, spaceState.live)
  }

  /** The number of a vm id that some thread uses; 0 when none does. */
  find(vmId: string): number {
    const entry = this.#table.find(entryKind.space, namesSpace, vmId)
    return entry === 0 ? 0 : this.#memory.read(entry + entryField.value)
  }

  /** Notes that a thread uses a vm id; 0 when there is no room for another, and the transaction was rolled back. */
  join(vmId: string, seat: number): number {
    const memory = this.#memory
    const space = this.find(vmId) || this.#make(vmId)
    if (space === 0) return 0
    const reference = referenceAt(space, seat)
    if (memory.read(reference) === 0) {
      memory.write(reference, 1)
      memory.add(spaceAt(space) + spaceField.users, 1)
    }
    return space
  }

  /** Notes that a thread uses a vm id no more. Gives whether it dies of that. */
  leave(space: number, seat: number): boolean {
    const memory = this.#memory
    const reference = referenceAt(space, seat)
    if (memory.read(reference) === 0) return false
    memory.write(reference, 0)
    memory.add(spaceAt(space) + spaceField.users, -1)
    if (memory.read(spaceAt(space) + spaceField.users) > 0) return false
    memory.write(spaceAt(space) + spaceField.state, spaceState.dying)
    this.#table.remove(memory.read(spaceAt(space) + spaceField.name))
    return true
  }

  /** Whether a thread uses a vm id. A single word; needs no transaction. */
  isUsed(space: number, seat: number): boolean {
    return this.#memory.read(referenceAt(space, seat)) !== 0
  }

  /** Whether a space waits to be freed. Needs no transaction. */
  isDying(space: number): boolean {
    return this.#memory.read(spaceAt(space) + spaceField.state) === spaceState.dying
  }

  /** Gives the number of a dying space back, when it is empty. */
  bury(space: number): void {
    const memory = this.#memory
    for (const field of Object.values(spaceField)) memory.write(spaceAt(space) + field, 0)
  }

  #make(vmId: string): number {
    const memory = this.#memory
    let space = namesSpace + 1
    while (
      space < sharedLimits.spaces &&
      memory.read(spaceAt(space) + spaceField.state) !== spaceState.free
    ) {
      space += 1
    }
    const entry = space < sharedLimits.spaces ? this.#table.insert(entryKind.space, namesSpace, vmId) : 0
    if (entry === 0) {
      memory.rollBack()
      return 0
    }
    memory.write(entry + entryField.value, space)
    memory.write(spaceAt(space) + spaceField.state, spaceState.live)
    memory.write(spaceAt(space) + spaceField.name, entry)
    return space
  }
}

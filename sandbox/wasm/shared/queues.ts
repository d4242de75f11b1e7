import { blockField, entryField, entryKind, queueAt, queueField, spaceAt, spaceField } from './layout.ts'
import { sharedLimits } from './limits.ts'
import type { SharedMemory } from './memory.ts'
import type { SharedTable } from './table.ts'
import type { SharedValues } from './values.ts'

/** Tokens stay positive numbers of 32 bits; a place is used so often before a token of it comes again. */
const maxGenerations = 2 ** 31 / sharedLimits.queues

/** The queues of all vm ids. Entries are linked blocks. Use it in transactions. */
export class SharedQueues {
  readonly #memory: SharedMemory
  readonly #table: SharedTable
  readonly #values: SharedValues

  constructor(memory: SharedMemory, table: SharedTable, values: SharedValues) {
    this.#memory = memory
    this.#table = table
    this.#values = values
  }

  /** The token of a queue, which is made if there is none; 0 when it cannot be, and the transaction was rolled back. */
  register(space: number, name: string, seat: number): number {
    const entry = this.#table.find(entryKind.queue, space, name)
    const queue = entry === 0 ? this.#make(space, name) : this.#memory.read(entry + entryField.value)
    if (queue < 0) return 0
    this.#memory.write(queueAt(queue) + queueField.registrant, seat + 1)
    return this.#tokenOf(queue)
  }

  resolve(space: number, name: string): number | null {
    const entry = this.#table.find(entryKind.queue, space, name)
    return entry === 0 ? null : this.#tokenOf(this.#memory.read(entry + entryField.value))
  }

  /** Gives the registrant's seat and one, 0 when it is nobody. What is `full` was rolled back. */
  enqueue(token: number, bytes: Uint8Array): number | 'unknown' | 'full' {
    const memory = this.#memory
    const record = this.#recordOf(token)
    if (record < 0) return 'unknown'
    const isFull =
      bytes.length > sharedLimits.valueBytes ||
      memory.read(record + queueField.count) >= sharedLimits.queueEntries
    const block = isFull ? 0 : this.#values.store(memory.read(record + queueField.space), bytes)
    if (block === 0) {
      memory.rollBack()
      return 'full'
    }
    memory.write(block + blockField.next, 0)
    const last = memory.read(record + queueField.tail)
    memory.write(last === 0 ? record + queueField.head : last + blockField.next, block)
    memory.write(record + queueField.tail, block)
    memory.add(record + queueField.count, 1)
    const owed = memory.read(record + queueField.owed)
    if (owed < sharedLimits.queueEntries) memory.write(record + queueField.owed, owed + 1)
    return memory.read(record + queueField.registrant)
  }

  dequeue(token: number): Uint8Array | 'empty' | 'unknown' {
    const memory = this.#memory
    const record = this.#recordOf(token)
    if (record < 0) return 'unknown'
    const block = memory.read(record + queueField.head)
    if (block === 0) return 'empty'
    const bytes = this.#values.load(block)
    this.#dropFirst(record)
    return bytes
  }

  /** How many ready calls the thread of `seat` has to make now; it has promised them. */
  takeOwed(token: number, seat: number): number {
    const memory = this.#memory
    const record = this.#recordOf(token)
    if (record < 0) return 0
    const registrant = memory.read(record + queueField.registrant)
    const owed = memory.read(record + queueField.owed)
    if (owed === 0 || (registrant !== 0 && registrant !== seat + 1)) return 0
    memory.write(record + queueField.registrant, seat + 1)
    memory.write(record + queueField.owed, 0)
    return owed
  }

  /** The thread of `seat` will make no ready calls for a queue; others that have registered it may. */
  resign(queue: number, seat: number): void {
    const registrant = queueAt(queue) + queueField.registrant
    if (this.#memory.read(registrant) === seat + 1) this.#memory.write(registrant, 0)
  }

  /** Which place a token is for. */
  placeOf(token: number): number {
    return (token - 1) % sharedLimits.queues
  }

  /** Frees the first entry of the queue of a table entry, or the queue with the table entry when it has none. */
  dismantle(entry: number): void {
    const memory = this.#memory
    const record = queueAt(memory.read(entry + entryField.value))
    if (memory.read(record + queueField.head) !== 0) {
      this.#dropFirst(record)
      return
    }
    memory.write(record + queueField.isLive, 0)
    memory.write(record + queueField.registrant, 0)
    memory.write(record + queueField.owed, 0)
    memory.write(
      record + queueField.generation,
      (memory.read(record + queueField.generation) + 1) % maxGenerations,
    )
    memory.add(spaceAt(memory.read(record + queueField.space)) + spaceField.queues, -1)
    this.#table.remove(entry)
  }

  #make(space: number, name: string): number {
    const memory = this.#memory
    let queue = 0
    while (queue < sharedLimits.queues && memory.read(queueAt(queue) + queueField.isLive) !== 0) queue += 1
    const isFull =
      queue === sharedLimits.queues ||
      memory.read(spaceAt(space) + spaceField.queues) >= sharedLimits.spaceQueues
    const entry = isFull ? 0 : this.#table.insert(entryKind.queue, space, name)
    if (entry === 0) {
      memory.rollBack()
      return -1
    }
    memory.write(entry + entryField.value, queue)
    memory.write(queueAt(queue) + queueField.isLive, 1)
    memory.write(queueAt(queue) + queueField.space, space)
    memory.add(spaceAt(space) + spaceField.queues, 1)
    return queue
  }

  #dropFirst(record: number): void {
    const memory = this.#memory
    const block = memory.read(record + queueField.head)
    const next = memory.read(block + blockField.next)
    memory.write(record + queueField.head, next)
    if (next === 0) memory.write(record + queueField.tail, 0)
    memory.add(record + queueField.count, -1)
    this.#values.free(memory.read(record + queueField.space), block)
  }

  #tokenOf(queue: number): number {
    return this.#memory.read(queueAt(queue) + queueField.generation) * sharedLimits.queues + queue + 1
  }

  #recordOf(token: number): number {
    if (!Number.isInteger(token) || token < 1) return -1
    const queue = this.placeOf(token)
    const record = queueAt(queue)
    const isOurs = this.#memory.read(record + queueField.isLive) === 1 && this.#tokenOf(queue) === token
    return isOurs ? record : -1
  }
}

import { maxJournal, place } from './layout.ts'
import { SharedLock } from './lock.ts'

/** Nested calls that must fit on the stack before the lock is taken; the deepest transaction has a third of it. */
const stackProbeDepth = 48

/**
 * The shared memory as one thread sees it: changed in transactions that happen wholly or not at all.
 *
 * A thread can end anywhere, also inside, and a guest can leave so little stack that a host function fails half-way.
 * So the old content of every word is written down before it is changed, and whoever takes the lock next puts back
 * what was not committed. Contents of blocks are not written down: they are filled before they can be reached, and
 * blocks are freed last in a transaction, so that nothing of it can be allocated over what may have to come back.
 */
export class SharedMemory {
  readonly words: Int32Array
  readonly bytes: Uint8Array
  readonly characters: Uint16Array
  readonly numbers: BigInt64Array
  readonly #lock: SharedLock
  readonly #onRollback: () => void

  /** `onRollback` is told when a transaction of a thread that failed or ended was undone; it must not come back here. */
  constructor(buffer: SharedArrayBuffer, seat: number, onRollback: () => void) {
    this.words = new Int32Array(buffer)
    this.bytes = new Uint8Array(buffer)
    this.characters = new Uint16Array(buffer)
    this.numbers = new BigInt64Array(buffer)
    this.#lock = new SharedLock(this.words, place.lock, seat)
    this.#onRollback = onRollback
  }

  read(index: number): number {
    return this.words[index] as number
  }

  /** Only inside of a transaction. */
  write(index: number, value: number): void {
    const { words } = this
    const count = words[place.journalCount] as number
    if (count >= maxJournal)
      throw new Error(`a transaction of the shared state changes more than ${maxJournal} words`)
    words[place.journal + count * 2] = index
    words[place.journal + count * 2 + 1] = words[index] as number
    Atomics.store(words, place.journalCount, count + 1)
    words[index] = value
  }

  add(index: number, amount: number): void {
    this.write(index, this.read(index) + amount)
  }

  /** Does `action` alone in all threads. What it wrote is undone when it throws; `rollBack` within it does that too. */
  transaction<T>(action: () => T, patience?: number): T {
    probeStack(stackProbeDepth)
    this.#lock.take(patience)
    try {
      if (this.read(place.journalCount) !== 0) {
        this.rollBack()
        this.#onRollback()
      }
      const result = action()
      Atomics.store(this.words, place.journalCount, 0)
      return result
    } finally {
      this.#lock.release()
    }
  }

  /** Undoes what the running transaction has written so far. Can itself be broken off, and done again. */
  rollBack(): void {
    const { words } = this
    for (let count = this.read(place.journalCount) - 1; count >= 0; count -= 1) {
      words[this.read(place.journal + count * 2)] = this.read(place.journal + count * 2 + 1)
    }
    Atomics.store(words, place.journalCount, 0)
  }
}

function probeStack(depth: number): number {
  return depth === 0 ? 0 : 1 + probeStack(depth - 1)
}

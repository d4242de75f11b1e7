/** Tries before a thread goes to sleep: most holders are out again after less than a microsecond. */
const spins = 200
/** How long one sleep is. A thread that was woken may have ended since, and then nobody else is told. */
const sleepMs = 10
/** Sleeps before a thread gives up, rather than hang: nothing is done under the lock that takes as long. */
const maxSleeps = 100
/** This bit of the word says that somebody sleeps; the others are the holder's seat and one. */
const contended = 1

/** The lock could not be had. */
export class LockTimeout extends Error {
  override readonly name = 'LockTimeout'
}

/**
 * A lock of all threads, in one word of the shared memory.
 *
 * The word names the holder, so that {@link breakLock} can open it when that thread has ended inside. It counts no
 * takings: when a thread that holds it comes again, the earlier one had failed without letting go.
 */
export class SharedLock {
  readonly #words: Int32Array
  readonly #index: number
  readonly #mine: number

  constructor(words: Int32Array, index: number, seat: number) {
    this.#words = words
    this.#index = index
    this.#mine = (seat + 1) << 1
  }

  /** Blocks the thread until it has the lock; throws {@link LockTimeout} after `patience` sleeps of 10 ms. */
  take(patience = maxSleeps): void {
    const words = this.#words
    const index = this.#index
    for (let spin = 0; spin < spins; spin += 1) {
      const holder = Atomics.compareExchange(words, index, 0, this.#mine)
      if (holder === 0 || holder >> 1 === this.#mine >> 1) return
    }
    // Sleeps are counted and no clock is read: a process that was stopped for a while has lost one sleep.
    for (let sleep = 0; sleep < patience; sleep += 1) {
      const holder = Atomics.compareExchange(words, index, 0, this.#mine | contended)
      if (holder === 0) return
      const asleep = holder | contended
      if (holder !== asleep && Atomics.compareExchange(words, index, holder, asleep) !== holder) continue
      Atomics.wait(words, index, asleep, sleepMs)
    }
    throw new LockTimeout(`the lock of the shared state was not free for ${patience * sleepMs} ms`)
  }

  /** Lets go. */
  release(): void {
    const word = Atomics.exchange(this.#words, this.#index, 0)
    if (word & contended) Atomics.notify(this.#words, this.#index, 1)
  }
}

/** Opens the lock if the thread of that seat holds it, which must have ended. Gives whether it did. */
export function breakLock(words: Int32Array, index: number, seat: number): boolean {
  for (;;) {
    const word = Atomics.load(words, index)
    if (word >> 1 !== seat + 1) return false
    if (Atomics.compareExchange(words, index, word, 0) !== word) continue
    Atomics.notify(words, index)
    return true
  }
}

import { randomInt } from 'node:crypto'
import type { Log } from '../../../chains/context.ts'
import { listen, ring } from './bell.ts'
import {
  bellAt,
  bucketCount,
  entryField,
  entryKind,
  heapStart,
  place,
  queueAt,
  queueField,
} from './layout.ts'
import { sharedLimits } from './limits.ts'
import { breakLock, LockTimeout } from './lock.ts'
import { openShared, type SharedParts } from './parts.ts'

/** What a worker gets in its `workerData` to take part in the shared state; plain data. */
export interface SharedSeat {
  readonly buffer: SharedArrayBuffer
  readonly seat: number
}

const mainSeat = 0
/** Sleeps of 10 ms for the lock: the thread that holds it may have ended, which only this thread can be told. */
const patience = 2
const againMs = 50
/** Buckets that are looked through in one transaction; others wait meanwhile. */
const bucketsAtOnce = 64

/**
 * The shared state's main thread side: it makes the memory, knows which threads take part, cleans up after those
 * that have ended, and frees what nobody uses any more. One for the process; keeps it not alive.
 */
export class SharedStateHome implements Disposable {
  readonly #buffer: SharedArrayBuffer
  readonly #parts: SharedParts
  readonly #log: Log | null
  readonly #seats = new Set<number>()
  readonly #vacating = new Set<number>()
  readonly #unlisten: () => void
  #retry: NodeJS.Timeout | null = null

  /** `heapBytes` is a power of two. */
  constructor(log: Log | null = null, heapBytes: number = sharedLimits.heapBytes) {
    this.#log = log
    this.#buffer = new SharedArrayBuffer(heapStart * 4 + heapBytes)
    this.#parts = openShared(this.#buffer, mainSeat, () => this.#warnOfRollback())
    const { memory, heap, spaces } = this.#parts
    memory.transaction(() => {
      memory.write(place.nextCas, 1)
      memory.write(place.hashSeed, randomInt(2 ** 32) | 0)
      heap.format(heapBytes)
      spaces.format()
    })
    this.#unlisten = listen(memory.words, bellAt(mainSeat), () => this.#tidy())
  }

  /** A place for a worker, to be given back by {@link vacate} when its thread has ended. Throws when there is none. */
  seat(): SharedSeat {
    for (let seat = mainSeat + 1; seat < sharedLimits.seats; seat += 1) {
      if (this.#seats.has(seat)) continue
      this.#seats.add(seat)
      return { buffer: this.#buffer, seat }
    }
    throw new RangeError(`more than ${sharedLimits.seats - 1} threads cannot share the state of Wasm plugins`)
  }

  /**
   * Cleans up after a thread: call it in the `exit` event of the worker, whatever it ended by, and not before. A
   * lock that it holds is opened, what it was writing is undone, and vm ids that only it used are forgotten.
   */
  vacate({ seat }: SharedSeat): void {
    if (!this.#seats.has(seat)) return
    if (breakLock(this.#parts.memory.words, place.lock, seat)) {
      this.#log?.warn('a worker ended while it changed the shared state of Wasm plugins: its lock was opened')
    }
    this.#vacating.add(seat)
    this.#tidy()
  }

  [Symbol.dispose](): void {
    this.#unlisten()
    if (this.#retry) clearTimeout(this.#retry)
  }

  /** Does all that waits. Comes back later when the lock is not to be had. */
  #tidy(): void {
    try {
      for (const seat of this.#vacating) {
        this.#clear(seat)
        this.#vacating.delete(seat)
        this.#seats.delete(seat)
      }
      for (let space = 1; space < sharedLimits.spaces; space += 1) {
        if (this.#parts.spaces.isDying(space)) this.#free(space)
      }
    } catch (error) {
      if (!(error instanceof LockTimeout)) throw error
      this.#retry ??= setTimeout(() => {
        this.#retry = null
        this.#tidy()
      }, againMs).unref()
    }
  }

  #clear(seat: number): void {
    const { memory, spaces, queues } = this.#parts
    for (let space = 1; space < sharedLimits.spaces; space += 1) {
      if (spaces.isUsed(space, seat)) memory.transaction(() => spaces.leave(space, seat), patience)
    }
    for (let queue = 0; queue < sharedLimits.queues; queue += 1) {
      if (memory.read(queueAt(queue) + queueField.registrant) !== seat + 1) continue
      memory.transaction(() => queues.resign(queue, seat), patience)
      for (const other of this.#seats) if (other !== seat) ring(memory.words, bellAt(other))
    }
  }

  #free(space: number): void {
    const { memory, spaces } = this.#parts
    for (let bucket = 0; bucket < bucketCount; bucket += bucketsAtOnce) {
      while (!memory.transaction(() => this.#freeOne(space, bucket), patience));
    }
    memory.transaction(() => spaces.bury(space), patience)
  }

  /** Frees one thing at most, so that others wait for no more than that. Gives whether nothing was left. */
  #freeOne(space: number, first: number): boolean {
    const { memory, table, values, queues } = this.#parts
    let entry = 0
    for (let bucket = first; entry === 0 && bucket < first + bucketsAtOnce; bucket += 1) {
      entry = table.firstIn(bucket, space)
    }
    if (entry === 0) return true
    const kind = table.kindOf(entry)
    if (kind === entryKind.queue) {
      queues.dismantle(entry)
    } else {
      const value = kind === entryKind.data ? memory.read(entry + entryField.value) : 0
      table.remove(entry)
      if (value !== 0) values.free(space, value)
    }
    return false
  }

  #warnOfRollback(): void {
    this.#log?.warn('a change of the shared state of Wasm plugins was broken off, and undone')
  }
}

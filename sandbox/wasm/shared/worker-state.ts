import type { Log } from '../../../chains/context.ts'
import type { SharedNumber, SharedState } from '../contract.ts'
import { listen, ring } from './bell.ts'
import type { SharedSeat } from './home.ts'
import { bellAt, entryField, entryKind, place } from './layout.ts'
import { sharedLimits } from './limits.ts'
import { openShared, type SharedParts } from './parts.ts'
import { ReadyCalls } from './ready-calls.ts'

/** A vm id that this thread uses. */
interface Hold {
  readonly space: number
  count: number
}

/**
 * The shared state as one worker sees it; one for each thread, made from what {@link SharedStateHome.seat} gave.
 * Every call is done when it returns, and is seen by all threads or by none.
 */
export class WorkerSharedState implements SharedState, Disposable {
  readonly #parts: SharedParts
  readonly #seat: number
  readonly #holds = new Map<string, Hold>()
  readonly #ready: ReadyCalls
  readonly #unlisten: () => void
  #isDisposed = false

  constructor({ buffer, seat }: SharedSeat, log: Log | null = null) {
    const warn = () => log?.warn('a change of the shared state of Wasm plugins was broken off, and undone')
    this.#parts = openShared(buffer, seat, warn)
    this.#seat = seat
    this.#ready = new ReadyCalls(this.#parts, seat, log)
    this.#unlisten = listen(this.#parts.memory.words, bellAt(seat), () => this.#ready.collect())
  }

  acquire(vmId: string): Disposable {
    const hold = this.#hold(vmId)
    if (!hold) {
      throw new RangeError(
        `vm id ${JSON.stringify(vmId.slice(0, 64))} has no room in the shared state: it may have ` +
          `${sharedLimits.keyLength} characters, and ${sharedLimits.spaces - 1} may be in use`,
      )
    }
    hold.count += 1
    let isReleased = false
    return {
      [Symbol.dispose]: () => {
        if (isReleased) return
        isReleased = true
        hold.count -= 1
        if (hold.count === 0) this.#leave(vmId, hold)
      },
    }
  }

  getData(vmId: string, key: string): { readonly value: Uint8Array; readonly cas: number } | null {
    const { memory, table, values } = this.#parts
    return memory.transaction(() => {
      const space = this.#find(vmId)
      const entry = space === 0 ? 0 : table.find(entryKind.data, space, key)
      if (entry === 0) return null
      const value = values.load(memory.read(entry + entryField.value))
      return { value, cas: memory.read(entry + entryField.cas) >>> 0 }
    })
  }

  setData(vmId: string, key: string, value: Uint8Array, cas: number): 'ok' | 'mismatch' | 'full' {
    const { memory, table, values } = this.#parts
    if (value.length > sharedLimits.valueBytes) return 'full'
    const hold = this.#hold(vmId)
    if (!hold) return 'full'
    return memory.transaction(() => {
      const found = table.find(entryKind.data, hold.space, key)
      if (found !== 0 && cas !== 0 && memory.read(found + entryField.cas) >>> 0 !== cas >>> 0)
        return 'mismatch'
      const entry = found || table.insert(entryKind.data, hold.space, key)
      const block = entry === 0 ? 0 : values.store(hold.space, value)
      if (block === 0) {
        memory.rollBack()
        return 'full'
      }
      const old = memory.read(entry + entryField.value)
      memory.write(entry + entryField.value, block)
      memory.write(entry + entryField.cas, this.#nextCas())
      if (old !== 0) values.free(hold.space, old)
      return 'ok'
    })
  }

  registerQueue(vmId: string, name: string, onReady: () => void): number | 'full' {
    const { memory, queues } = this.#parts
    const hold = this.#hold(vmId)
    const token = hold ? memory.transaction(() => queues.register(hold.space, name, this.#seat)) : 0
    if (!hold || token === 0) return 'full'
    this.#ready.add(token, hold.space, onReady)
    // Somebody may have enqueued while nobody listened, and those calls are owed to us now.
    ring(memory.words, bellAt(this.#seat))
    return token
  }

  resolveQueue(vmId: string, name: string): number | null {
    const { memory, queues } = this.#parts
    return memory.transaction(() => {
      const space = this.#find(vmId)
      return space === 0 ? null : queues.resolve(space, name)
    })
  }

  enqueue(token: number, bytes: Uint8Array): 'ok' | 'unknown' | 'full' {
    const { memory, queues } = this.#parts
    const registrant = memory.transaction(() => queues.enqueue(token, bytes))
    if (typeof registrant === 'string') return registrant
    if (registrant === 0) this.#ringAll()
    else ring(memory.words, bellAt(registrant - 1))
    return 'ok'
  }

  dequeue(token: number): Uint8Array | 'empty' | 'unknown' {
    const { memory, queues } = this.#parts
    return memory.transaction(() => queues.dequeue(token))
  }

  number(owner: string, name: string): SharedNumber | 'full' {
    const { memory, table } = this.#parts
    const hold = this.#hold(owner)
    if (!hold) return 'full'
    const entry = memory.transaction(() => {
      const found =
        table.find(entryKind.number, hold.space, name) || table.insert(entryKind.number, hold.space, name)
      if (found === 0) memory.rollBack()
      return found
    })
    if (entry === 0) return 'full'
    const { numbers } = memory
    const index = (entry + entryField.value) / 2
    // The place belongs to somebody else as soon as this thread has let go of the owner.
    const isOurs = () => this.#holds.get(owner) === hold
    return {
      get: () => (isOurs() ? Atomics.load(numbers, index) : 0n),
      add: (amount) => {
        if (isOurs()) Atomics.add(numbers, index, amount)
      },
      set: (value) => (isOurs() ? Atomics.exchange(numbers, index, value) : 0n),
    }
  }

  /** Lets go of all vm ids; no ready call comes after it. Afterwards there is nothing, and everything is full. */
  [Symbol.dispose](): void {
    if (this.#isDisposed) return
    this.#isDisposed = true
    this.#unlisten()
    for (const [vmId, hold] of this.#holds) this.#leave(vmId, hold)
  }

  /** A vm id as this thread uses it. One that nobody acquires is held until this is disposed of. */
  #hold(vmId: string): Hold | null {
    const known = this.#holds.get(vmId)
    if (known) return known
    if (this.#isDisposed) return null
    const { memory, spaces } = this.#parts
    const space = memory.transaction(() => spaces.join(vmId, this.#seat))
    if (space === 0) return null
    const hold = { space, count: 0 }
    this.#holds.set(vmId, hold)
    return hold
  }

  #find(vmId: string): number {
    return this.#holds.get(vmId)?.space ?? this.#parts.spaces.find(vmId)
  }

  #leave(vmId: string, hold: Hold): void {
    if (this.#holds.get(vmId) !== hold) return
    this.#holds.delete(vmId)
    const { memory, spaces } = this.#parts
    if (this.#ready.remove(hold.space)) this.#ringAll()
    const isDying = memory.transaction(() => spaces.leave(hold.space, this.#seat))
    if (isDying) ring(memory.words, bellAt(0))
  }

  #ringAll(): void {
    for (let seat = 1; seat < sharedLimits.seats; seat += 1) ring(this.#parts.memory.words, bellAt(seat))
  }

  #nextCas(): number {
    const { memory } = this.#parts
    const cas = memory.read(place.nextCas)
    // 0 means "whatever it is", so no value may have it.
    memory.write(place.nextCas, (cas + 1) | 0 || 1)
    return cas
  }
}

import type { SessionContext } from './context.ts'

/** As the guest knows them: the lower bits of a context's number are its slot. */
const slotBits = 20
const generations = 2_047

/** Contexts that are over and that the guest still has, at most: each may hold what its script put there. */
const maxStale = 16

/**
 * Where contexts are kept. A slot is used again as soon as its context is over,
 * and the guest lets go of that one when the next comes: so most contexts end without a call.
 */
export class Slots {
  readonly #contexts: (SessionContext | null)[] = []
  readonly #generations: number[] = []
  readonly #free: number[] = []
  #stale = 0

  /** Finds a slot, and the number of a context in it. */
  take(): number {
    const slot = this.#free.pop() ?? this.#contexts.push(null) - 1
    const id = this.#next(slot)
    // The guest may still have a context of long ago there.
    return this.#contexts[slot]?.id === id ? this.#next(slot) : id
  }

  /** The context of a number; null when it is over. */
  get(id: number): SessionContext | null {
    const context = this.#contexts[slotOf(id)]
    return context?.id === id && !context.isClosed ? context : null
  }

  /** The guest has made a context: gives the one that it forgets for it, or null. */
  enter(context: SessionContext): SessionContext | null {
    const slot = slotOf(context.id)
    const before = this.#contexts[slot] ?? null
    this.#contexts[slot] = context
    if (before) this.#stale -= 1
    return before
  }

  /** A context is over. True when the guest has to be told, because it has too many that are. */
  leave(context: SessionContext): boolean {
    const slot = slotOf(context.id)
    this.#free.push(slot)
    if (this.#contexts[slot] !== context) return false
    if (this.#stale >= maxStale) {
      this.#contexts[slot] = null
      return true
    }
    this.#stale += 1
    return false
  }

  #next(slot: number): number {
    const generation = ((this.#generations[slot] ?? 0) % generations) + 1
    this.#generations[slot] = generation
    return (generation << slotBits) | slot
  }
}

function slotOf(id: number): number {
  return id & ((1 << slotBits) - 1)
}

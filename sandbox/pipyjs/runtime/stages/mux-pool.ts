import type { MuxSettings } from './mux-settings.ts'

/** Shared pipelines of one `mux()` that are kept while they have nothing to do: keys often come from clients. */
const maxIdle = 1_000

/** A shared pipeline, as far as it is kept for messages to come. */
export interface Pooled {
  readonly key: unknown
  /** Whether it takes one more message for somebody with these settings. */
  takesFor(settings: MuxSettings): boolean
  /** Ends it in an orderly way. */
  close(): void
}

/** The shared pipelines of one `mux()` in one instance of a plugin, by key. */
export class MuxPool<Session extends Pooled> {
  readonly #sessions = new Map<unknown, Set<Session>>()
  /** Those that have nothing to do, the oldest first. */
  readonly #idle = new Set<Session>()

  /** One of that key that takes a message; null when there is none. */
  find(key: unknown, settings: MuxSettings): Session | null {
    for (const session of this.#sessions.get(key) ?? []) if (session.takesFor(settings)) return session
    return null
  }

  /** Puts one in. */
  add(session: Session): void {
    const known = this.#sessions.get(session.key)
    if (known) known.add(session)
    else this.#sessions.set(session.key, new Set([session]))
  }

  /** It is over, or takes no more. Harmless when that was said before. */
  remove(session: Session): void {
    this.#idle.delete(session)
    const known = this.#sessions.get(session.key)
    known?.delete(session)
    if (known?.size === 0) this.#sessions.delete(session.key)
  }

  /** It has something to do. */
  busy(session: Session): void {
    this.#idle.delete(session)
  }

  /** It has nothing to do any more. When there are too many of those, the oldest is closed. */
  rest(session: Session): void {
    this.#idle.add(session)
    if (this.#idle.size <= maxIdle) return
    for (const oldest of this.#idle) {
      oldest.close()
      break
    }
  }
}

import type { ThreadEnd, WorkerThread } from './worker-thread.ts'

/** How long to wait before a worker that died is replaced. */
export interface RespawnPolicy {
  readonly firstMs: number
  readonly maxMs: number
  /** A worker that lived this long is well: the next wait is the first one again. */
  readonly calmMs: number
}

/** What a slot needs of its supervisor. */
export interface SlotTools {
  readonly respawn: RespawnPolicy
  spawn(): WorkerThread
  /** Gives a thread that has just become ready what it has to serve. */
  equip(thread: WorkerThread): Promise<void>
  /** Told of every thread that ended; `waitMs` is how long until the next one starts, null when none does. */
  onEnd(thread: WorkerThread, end: ThreadEnd, waitMs: number | null): void
}

/** One of the N workers: the thread that there is now, and its replacement when it dies. */
export class WorkerSlot {
  thread: WorkerThread
  readonly #tools: SlotTools
  readonly #finished: Promise<void>
  #isClosing = false
  #failures = 0
  #wake: () => void = () => {}

  constructor(tools: SlotTools) {
    this.#tools = tools
    this.thread = tools.spawn()
    this.#finished = this.#keep()
  }

  /** No replacement from now on. */
  stopRespawning(): void {
    this.#isClosing = true
    this.#wake()
  }

  /** Ends a wait for the replacement, so that it starts now. */
  hurry(): void {
    this.#wake()
  }

  /** Ends the thread, gently within `limitMs`, and for good. */
  async close(limitMs: number): Promise<void> {
    this.stopRespawning()
    await this.thread.stop(limitMs)
    await this.#finished
  }

  async #keep(): Promise<void> {
    for (;;) {
      const { thread } = this
      const startedAt = performance.now()
      await this.#equip(thread)
      const end = await thread.ended
      if (performance.now() - startedAt > this.#tools.respawn.calmMs) this.#failures = 0
      const waitMs = this.#isClosing ? null : this.#nextWait()
      this.#tools.onEnd(thread, end, waitMs)
      if (waitMs === null) return
      await this.#sleep(waitMs)
      if (this.#isClosing) return
      this.thread = this.#tools.spawn()
    }
  }

  async #equip(thread: WorkerThread): Promise<void> {
    try {
      await thread.ready
      await this.#tools.equip(thread)
    } catch (thrown) {
      // A worker without a generation is of no use; the next one may do better.
      thread.kill('crashed', thrown instanceof Error ? thrown.message : String(thrown))
    }
  }

  #nextWait(): number {
    const { firstMs, maxMs } = this.#tools.respawn
    const waitMs = Math.min(maxMs, firstMs * 2 ** Math.min(this.#failures, 20))
    this.#failures += 1
    return waitMs
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#wake = () => {}
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wake = done
    })
  }
}

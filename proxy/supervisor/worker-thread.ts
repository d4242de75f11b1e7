import v8 from 'node:v8'
import { Worker } from 'node:worker_threads'
import { deferred } from './deferred.ts'
import { watchHeartbeat } from './heartbeat.ts'
import type { Answer, FromWorker, Kind, Question, WorkerSetup } from './protocol.ts'

/**
 * What a worker makes for a request is garbage a moment later. A young
 * generation of this size is emptied often enough to stay in the processor's
 * caches; the default one grows to twice as much under load.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 24 } as const

/**
 * The old generation of a worker holds little. By default V8 then sees the
 * young one come near its limit, and marks the whole heap every second: pauses
 * of 5 ms for nothing. This is where it begins to look, not what is taken.
 */
const oldGenerationMb = 128

/** How long a thread may take from its start until it says that it is ready. */
const startLimitMs = 30_000
/** How long we wait for the end of a thread that was told to end, before we go on without it. */
const endLimitMs = 2_000

interface Pending {
  readonly resolve: (answer: Answer<Kind>) => void
  readonly reject: (reason: Error) => void
  readonly timer: NodeJS.Timeout
}

/** How a thread ended. */
export interface ThreadEnd {
  readonly kind: 'stopped' | 'crashed' | 'silent'
  /** One clear line. */
  readonly reason: string
  /** For the debug log; null when nothing was thrown. */
  readonly stack: string | null
}

/** What a question to a thread that has ended comes to: says nothing about what was asked. */
export class WorkerEnded extends Error {
  override readonly name = 'WorkerEnded'
}

/** One worker thread, from its start to its end; never restarted. */
export class WorkerThread {
  readonly id: number
  /** Resolves when it takes questions; rejects when it ends before. */
  readonly ready: Promise<void>
  /** Resolves when the thread is gone; never rejects. */
  readonly ended: Promise<ThreadEnd>
  /** The generation that it serves; 0 before the first. Kept by the supervisor. */
  generation = 0
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #resolveEnded: (end: ThreadEnd) => void
  readonly #resolveReady: () => void
  readonly #rejectReady: (reason: Error) => void
  #stopWatch: () => void = () => {}
  #startTimer: NodeJS.Timeout
  #end: ThreadEnd | null = null
  #nextRequest = 1
  #isReady = false

  /** `silenceLimitMs`: a thread whose event loop stands still for longer is ended. */
  constructor(url: URL, setup: WorkerSetup, silenceLimitMs: number) {
    this.id = setup.workerId
    const ready = deferred<void>()
    const ended = deferred<ThreadEnd>()
    this.ready = ready.promise
    this.ended = ended.promise
    this.#resolveReady = ready.resolve
    this.#rejectReady = ready.reject
    this.#resolveEnded = ended.resolve
    // Its end is told by `ended` too; nobody has to wait for `ready`.
    this.ready.catch(() => {})
    v8.setFlagsFromString(`--initial-old-space-size=${oldGenerationMb}`)
    this.#worker = new Worker(url, {
      workerData: setup,
      transferList: [setup.keyValues],
      name: `pillion-worker-${setup.workerId}`,
      resourceLimits,
    })
    this.#worker.on('message', (message: FromWorker) => this.#receive(message, setup, silenceLimitMs))
    this.#worker.on('error', (thrown) => this.#crashed(thrown))
    this.#worker.on('exit', () => this.#gone())
    this.#startTimer = setTimeout(() => this.kill('silent', 'it did not start in time'), startLimitMs)
  }

  /** Whether it takes questions. */
  get isReady(): boolean {
    return this.#isReady && this.#end === null
  }

  /** Asks the worker something. Rejects with one clear line when it refuses, ends ({@link WorkerEnded}), or takes longer than `limitMs`. */
  ask<K extends Kind>(kind: K, question: Question<K>, limitMs: number): Promise<Answer<K>> {
    if (this.#end) return Promise.reject(new WorkerEnded(this.#end.reason))
    const request = this.#nextRequest++
    return new Promise<Answer<K>>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(request)
        reject(new Error(`worker ${this.id} did not answer within ${limitMs} ms`))
      }, limitMs)
      this.#pending.set(request, { resolve: resolve as Pending['resolve'], reject, timer })
      this.#worker.postMessage({ kind, request, question })
    })
  }

  /** Calls `listener` when the thread runs no more, and not before; {@link ended} gives up on one that does not stop. */
  onExit(listener: () => void): void {
    this.#worker.once('exit', listener)
  }

  /** Lets the worker close what it has, then ends it. Resolves when it is gone. */
  async stop(limitMs: number): Promise<void> {
    if (this.isReady) await this.ask('stop', null, limitMs).catch(() => {})
    this.kill('stopped', 'stopped')
    await this.ended
  }

  /** Ends the thread at once; sockets that it has are closed by the kernel's hand. */
  kill(kind: ThreadEnd['kind'], reason: string): void {
    if (this.#end) return
    this.#end = { kind, reason: `worker ${this.id}: ${reason}`, stack: null }
    this.#failPending()
    void this.#worker.terminate()
    setTimeout(() => this.#gone(), endLimitMs).unref()
  }

  #receive(message: FromWorker, setup: WorkerSetup, silenceLimitMs: number): void {
    if (message.kind === 'ready') {
      if (this.#end) return
      this.#isReady = true
      clearTimeout(this.#startTimer)
      this.#stopWatch = watchHeartbeat(setup.heartbeat, silenceLimitMs, () =>
        this.kill('silent', `stuck: no sign of life for ${silenceLimitMs} ms`),
      )
      this.#resolveReady()
      return
    }
    const pending = this.#pending.get(message.request)
    if (!pending) return
    this.#pending.delete(message.request)
    clearTimeout(pending.timer)
    if (message.kind === 'answer') pending.resolve(message.answer)
    else pending.reject(new Error(message.reason))
  }

  #crashed(thrown: unknown): void {
    if (this.#end) return
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    const stack = thrown instanceof Error ? (thrown.stack ?? null) : null
    const line = message.split('\n', 1)[0] ?? ''
    this.#end = { kind: 'crashed', reason: `worker ${this.id}: ${line}`, stack }
    this.#failPending()
  }

  #gone(): void {
    this.#end ??= { kind: 'crashed', reason: `worker ${this.id}: ended by itself`, stack: null }
    this.#failPending()
    this.#resolveEnded(this.#end)
  }

  #failPending(): void {
    this.#stopWatch()
    clearTimeout(this.#startTimer)
    const error = new WorkerEnded(this.#end?.reason)
    this.#rejectReady(error)
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer)
      pending.reject(error)
    }
    this.#pending.clear()
  }
}

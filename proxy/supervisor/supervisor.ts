import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Log } from '../../chains/context.ts'
import type { Model } from '../../chains/model.ts'
import type { SandboxCode } from '../../sandbox/plugin/sandbox-code.ts'
import type { LogLevel } from '../telemetry/log.ts'
import { beatInterval } from './heartbeat.ts'
import { PluginSupply, type Serving } from './plugin-supply.ts'
import { planPorts, probePorts, type ServedPort } from './ports.ts'
import type { Answer, Kind, Order, PreparedReport, Question } from './protocol.ts'
import { makeQueue } from './queue.ts'
import { tryOut } from './trial.ts'
import { type RespawnPolicy, WorkerSlot } from './worker-slot.ts'
import { type ThreadEnd, WorkerEnded, WorkerThread } from './worker-thread.ts'

/** How the worker threads are started and watched. */
export interface SupervisorOptions {
  readonly workers: number
  readonly log: Log
  readonly logLevel: LogLevel
  /** What a worker runs; our own `worker.ts` when not given. */
  readonly workerUrl?: URL
  /** A worker whose event loop stands still for longer is replaced. */
  readonly silenceLimitMs?: number
  /** How long a worker may take to build a generation. */
  readonly prepareLimitMs?: number
  readonly respawn?: RespawnPolicy
  /** Loads what runs plugins, when the first one comes. */
  readonly loadCode?: () => Promise<SandboxCode>
  /** Told when a thread is gone for good, so that its gauges are forgotten. */
  readonly onWorkerGone?: (workerId: number, kind: ThreadEnd['kind']) => void
}

/** The longest time that a timer can wait, in milliseconds. */
const longestMs = 2 ** 31 - 1
/** How long a worker may take for a small answer that changes its state. */
const answerLimitMs = 5_000
/** What a worker that drains gets beyond its deadline, before it counts as stuck. */
const drainGraceMs = 2_000
/** How long a push waits for a worker when all are dead, and how often it looks. */
const respawnLimitMs = 10_000
const respawnPollMs = 50

/** Sources run as `.ts`, the published build as `.js`. */
const ownWorker = (): URL =>
  new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/** A generation that was built, and the threads on which it waits for its commit. */
interface Prepared {
  readonly threads: readonly WorkerThread[]
  readonly report: PreparedReport
}

/** Keeps N worker threads alive and lets them all serve the same generation. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #idSalt = randomBytes(4).toString('hex')
  readonly #inOrder = makeQueue()
  readonly #plugins: PluginSupply
  readonly #prepare: PluginSupply['prepare']
  #slots: readonly WorkerSlot[] = []
  #logLevel: LogLevel
  #nextWorkerId = 1
  #current: Serving | null = null
  #drained: Promise<void> | null = null
  #isClosing = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#logLevel = options.logLevel
    this.#plugins = new PluginSupply({ ...options, prepareLimitMs: options.prepareLimitMs ?? 30_000 })
    this.#prepare = this.#plugins.prepare.bind(this.#plugins)
  }

  /** Starts the threads. Rejects with one clear line when one of them does not start; none is left then. */
  async start(): Promise<void> {
    const tools = {
      respawn: this.#options.respawn ?? { firstMs: 100, maxMs: 10_000, calmMs: 60_000 },
      spawn: () => this.#spawn(),
      equip: (thread: WorkerThread) => this.#inOrder(() => this.#equip(thread)),
      onEnd: (thread: WorkerThread, end: ThreadEnd, waitMs: number | null) =>
        this.#ended(thread, end, waitMs),
    }
    this.#slots = Array.from({ length: this.#options.workers }, () => new WorkerSlot(tools))
    try {
      await Promise.all(this.#slots.map((slot) => slot.thread.ready))
    } catch (thrown) {
      await this.close()
      throw thrown
    }
  }

  /** What serves now; null before the first generation. */
  get serving(): PreparedReport | null {
    return this.#current?.report ?? null
  }

  /** How many workers serve the newest generation. */
  get servingWorkers(): number {
    const generation = this.#current?.order.generation
    return this.#slots.filter((slot) => slot.thread.isReady && slot.thread.generation === generation).length
  }

  get isDraining(): boolean {
    return this.#drained !== null || this.#isClosing
  }

  /**
   * Brings `model` into service on all workers, or on none: rejects with one
   * clear line, and the generation that served before still does. Only the
   * first may have plugins that cannot be loaded; those may be there later too.
   */
  apply(generation: number, model: Model): Promise<PreparedReport> {
    return this.#inOrder(async () => {
      this.#refuseIfDraining()
      const served = this.#servedPorts()
      const plan = planPorts(model.listeners, served)
      await probePorts(plan, served)
      const order = await this.#plugins.order(generation, model, this.#current)
      await tryOut(order, this.#current, () => this.#spawn(), this.#prepare)
      const { threads, report } = await this.#prepareOnReady(order, plan.ports)
      this.#current = { order, report }
      this.#plugins.serving(model)
      await Promise.all(threads.map((thread) => this.#commit(thread, generation)))
      return report
    })
  }

  /** Asks every worker; those that do not answer in time are left out. */
  async askAll<K extends Kind>(
    kind: K,
    question: Question<K>,
    limitMs: number,
  ): Promise<readonly { readonly worker: number; readonly answer: Answer<K> }[]> {
    const threads = this.#slots.map((slot) => slot.thread).filter((thread) => thread.isReady)
    const answers = await Promise.allSettled(
      threads.map(async (thread) => ({
        worker: thread.id,
        answer: await thread.ask(kind, question, limitMs),
      })),
    )
    // One that has ended meanwhile is left out too: it has been counted as gone.
    return answers.flatMap((settled, index) =>
      settled.status === 'fulfilled' && threads[index]?.isReady ? [settled.value] : [],
    )
  }

  /** Changes what all workers log, those that come later too. */
  setLogLevel(level: LogLevel): void {
    this.#logLevel = level
    void this.askAll('logLevel', { level }, answerLimitMs)
  }

  /** Lets all workers open their access logs anew, after a rotation. */
  reopenLogs(): void {
    void this.askAll('reopenLogs', null, answerLimitMs)
  }

  /**
   * Stops accepting and answers what is in flight. Resolves when it is
   * answered, or after `deadlineMs` (0 is none), when what is left has been
   * destroyed. The threads stay; a second call waits for the first.
   */
  drain(deadlineMs: number): Promise<void> {
    this.#drained ??= this.#drain(deadlineMs === 0 ? longestMs - drainGraceMs : deadlineMs)
    return this.#drained
  }

  /** Ends all threads, what is in flight with them; flushes the access logs. */
  async close(): Promise<void> {
    this.#isClosing = true
    await Promise.all(this.#slots.map((slot) => slot.close(answerLimitMs)))
    this.#plugins[Symbol.dispose]()
  }

  async #drain(deadlineMs: number): Promise<void> {
    for (const slot of this.#slots) slot.stopRespawning()
    await this.askAll('drain', { deadlineMs }, Math.min(longestMs, deadlineMs + drainGraceMs))
  }

  #spawn(): WorkerThread {
    const workerId = this.#nextWorkerId++
    const silenceLimitMs = this.#options.silenceLimitMs ?? 5_000
    const setup = {
      workerId,
      idPrefix: `${this.#idSalt}-${workerId.toString(36)}`,
      reusePort: this.#options.workers > 1,
      logLevel: this.#logLevel,
      heartbeat: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
      heartbeatMs: beatInterval(silenceLimitMs),
      keyValues: this.#plugins.openPort(),
    }
    return new WorkerThread(this.#options.workerUrl ?? ownWorker(), setup, silenceLimitMs)
  }

  #ended(thread: WorkerThread, end: ThreadEnd, waitMs: number | null): void {
    const { log, onWorkerGone } = this.#options
    onWorkerGone?.(thread.id, end.kind)
    if (end.kind === 'stopped') return
    log.error(end.reason, { worker: thread.id, ...(waitMs !== null && { replacedInMs: waitMs }) })
    if (end.stack) log.debug('stack of the worker that ended', { worker: thread.id, stack: end.stack })
  }

  /** Gives a replacement the generation that the others serve. */
  async #equip(thread: WorkerThread): Promise<void> {
    const current = this.#current
    if (!current || this.isDraining || thread.generation === current.order.generation) return
    const { generation } = current.order
    const ports = current.report.listeners.map((listener) => listener.port)
    const order: Order = { ...current.order, tolerated: 'all' }
    await this.#prepare(thread, order, ports)
    await this.#commit(thread, generation)
    this.#options.log.info('worker replaced', { worker: thread.id, generation })
  }

  #servedPorts(): readonly ServedPort[] {
    const current = this.#current
    if (!current) return []
    return current.order.model.listeners.flatMap((listener, index) => {
      const bound = current.report.listeners[index]
      return bound ? [{ listener, port: bound.port }] : []
    })
  }

  #refuseIfDraining(): void {
    if (this.isDraining) throw new Error('the sidecar is shutting down')
  }

  /** The threads that can build a generation now; waits for one when there is none. */
  async #readyThreads(): Promise<readonly WorkerThread[]> {
    for (let waitedMs = 0; waitedMs < respawnLimitMs; waitedMs += respawnPollMs) {
      const ready = this.#slots.map((slot) => slot.thread).filter((thread) => thread.isReady)
      if (ready.length > 0) return ready
      // All are dead, perhaps of the config that is about to be replaced.
      for (const slot of this.#slots) slot.hurry()
      await setTimeout(respawnPollMs)
      this.#refuseIfDraining()
    }
    throw new Error('no worker is running')
  }

  /**
   * A worker that dies meanwhile says little about the config: we try once more
   * with those that are there then. If it was the config, it happens again.
   */
  async #prepareOnReady(order: Order, ports: readonly number[]): Promise<Prepared> {
    try {
      return await this.#prepareOnAll(await this.#readyThreads(), order, ports)
    } catch (thrown) {
      if (!(thrown instanceof WorkerEnded)) throw thrown
      this.#refuseIfDraining()
      this.#options.log.warn(`generation ${order.generation} is tried once more, because ${thrown.message}`)
      return this.#prepareOnAll(await this.#readyThreads(), order, ports)
    }
  }

  /** The first worker goes ahead, because it may learn from the kernel which ports the others share. */
  async #prepareOnAll(
    threads: readonly WorkerThread[],
    order: Order,
    ports: readonly number[],
  ): Promise<Prepared> {
    const [first, ...others] = threads
    if (!first) throw new Error('no worker is running')
    try {
      const report = await this.#prepare(first, order, ports)
      const bound = report.listeners.map((listener) => listener.port)
      const settled = await Promise.allSettled(others.map((thread) => this.#prepare(thread, order, bound)))
      const refused = settled.find((outcome) => outcome.status === 'rejected')
      if (refused) throw refused.reason
      this.#refuseIfDraining()
      return { threads, report }
    } catch (thrown) {
      await Promise.all(threads.map((thread) => this.#discard(thread, order.generation)))
      throw thrown
    }
  }

  async #commit(thread: WorkerThread, generation: number): Promise<void> {
    try {
      await thread.ask('commit', { generation }, answerLimitMs)
      thread.generation = generation
    } catch (thrown) {
      thread.kill('crashed', `did not take generation ${generation} over: ${(thrown as Error).message}`)
    }
  }

  async #discard(thread: WorkerThread, generation: number): Promise<void> {
    try {
      await thread.ask('discard', { generation }, answerLimitMs)
    } catch {
      thread.kill('crashed', `did not let go of generation ${generation}`)
    }
  }
}

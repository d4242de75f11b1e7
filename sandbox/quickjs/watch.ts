/** Units of fuel between two looks at the clock: 15 to 50 µs of work. */
export const fuelQuantum = 250_000

/** How long a call that does not heed the interrupt goes on: a share of its time. */
const grace = 0.04
/** What at most counts between two looks: a share of the call's time. More than that, the thread was not running. */
const mostBetweenLooks = 0.08
/** And for each function of the host that was called meanwhile, in milliseconds. */
const mostPerFunction = 5
/** Functions of the host that are called between two looks; one that handles much counts as many. */
const functionsPerLook = 8
/** How much longer than its time a call may take altogether, while its thread is not running: so many times as long. */
const patience = 9

/**
 * The clock of one instance. It is asked by QuickJS now and then, which stops
 * the script by an exception nothing can catch; and by the metered code at each
 * {@link fuelQuantum}, which stops whatever runs, for good.
 *
 * The time of a call begins when the clock is first looked at in it: that saves
 * a look at the start of each call, which costs as much as a short call. Time in which
 * the thread did not run (a busy machine, a container over its share) is forgiven,
 * for it would end plugins that did nothing.
 */
export class Watch {
  /** The script was told to stop, and may have been stopped. */
  isInterrupted = false
  /** The instance was stopped, in the middle of something. */
  isStopped = false
  /** Whether what runs is code of ours that says what happened: it may go on while there is grace. */
  isTidying = false
  #fuel: WebAssembly.Global | null = null
  #limitMs = 0
  #startedAt = 0
  #lookedAt = 0
  #usedMs = 0
  /** When to stop for good, in time used; 0 until the call is late. */
  #stopAfterMs = 0
  #functions = 0

  /** The counter of the instance that is watched. */
  attach(fuel: WebAssembly.Global): void {
    this.#fuel = fuel
  }

  get limitMs(): number {
    return this.#limitMs
  }

  /** The time of the call is over. */
  get isLate(): boolean {
    return this.#stopAfterMs !== 0
  }

  /** Whether a call that is late may still tidy up. */
  get hasGrace(): boolean {
    return this.#look() < this.#limitMs * (1 + grace)
  }

  /** Begins a call. */
  start(limitMs: number): void {
    this.#limitMs = limitMs
    this.#startedAt = 0
    this.#usedMs = 0
    this.#stopAfterMs = 0
    this.isInterrupted = false
    this.isTidying = false
  }

  /** Asked by the metered code when its fuel is out: how much more it gets; less than 0 is none. */
  tick(): number {
    if (this.isStopped) return -1
    const used = this.#look()
    if (used < this.#limitMs) return fuelQuantum
    if (this.#stopAfterMs === 0) this.#stopAfterMs = used + this.#limitMs * grace
    if (used < this.#stopAfterMs) return fuelQuantum
    this.isStopped = true
    return -1
  }

  /** Asked by QuickJS: 1 to stop the script. */
  interrupt(): number {
    const used = this.#look()
    if (used < this.#limitMs || (this.isTidying && used < this.#limitMs * (1 + grace))) return 0
    this.isInterrupted = true
    return 1
  }

  /** Told when functions of the host were called, which use no fuel. */
  called(weight: number): void {
    this.#functions += weight
    if (this.#functions < functionsPerLook) return
    if (this.#look() >= this.#limitMs && this.#fuel) this.#fuel.value = 0
  }

  /** How much of its time the call has used, in milliseconds. */
  #look(): number {
    const now = performance.now()
    if (this.#startedAt === 0) this.#startedAt = now
    else {
      const most = this.#limitMs * mostBetweenLooks + this.#functions * mostPerFunction
      this.#usedMs += Math.min(now - this.#lookedAt, most)
    }
    this.#lookedAt = now
    this.#functions = 0
    return Math.max(this.#usedMs, now - this.#startedAt - patience * this.#limitMs)
  }
}

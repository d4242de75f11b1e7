import type { Context } from '../../../chains/context.ts'
import type { PluginSpec, WasmSettings } from '../../../chains/plugins.ts'
import { Restarts } from '../../javascript/restarts.ts'
import { PluginError, type PluginErrorKind, type PluginHost, pluginFailure } from '../../plugin/contract.ts'
import { HttpWasmGuest } from './guest.ts'

/** How long the start of an instance may take when the plugin is loaded, in milliseconds. */
const loadMs = 2_000
/** Most instances of one plugin. */
export const mostGuests = 128
/** Most memory of all of them, in shares of what one may have; one there is always. */
const memoryShares = 8
/** Most exchanges that wait for one to become free. */
const mostWaiting = 1_024
/** An instance that nobody wanted for so long goes, but for the last. */
const idleMs = 30_000

/** An instance that an exchange has for itself, until {@link GuestPool.release}. */
export interface Lease {
  readonly guest: HttpWasmGuest
  /** Told when the plugin is taken out. */
  onEnd: ((error: Error) => void) | null
}

interface Waiting {
  resolve(lease: Lease): void
  reject(error: Error): void
}

/** The instances of one plugin in one worker: one for each exchange in flight. Throws a `PluginFault` when the first does not start. */
export class GuestPool implements Disposable {
  readonly #spec: PluginSpec
  readonly #settings: WasmSettings
  readonly #host: PluginHost
  readonly #restarts: Restarts
  readonly #mostBytes: number
  /** The one that was used last is at the end, and used first. */
  readonly #idle: { readonly guest: HttpWasmGuest; readonly since: number }[] = []
  readonly #leases = new Set<Lease>()
  readonly #waiting = new Set<Waiting>()
  /** Instances that died, and in whose place there is none yet. */
  #deaths = 0
  #isDisposed = false
  #stopTimer: (() => void) | null = null
  /** What an instance has turned on at its start. */
  readonly features: number

  constructor(spec: PluginSpec, settings: WasmSettings, host: PluginHost) {
    this.#spec = spec
    this.#settings = settings
    this.#host = host
    const { callMs, memoryMiB } = spec.policy.limits
    this.#restarts = new Restarts(host.tools.clock, callMs, loadMs)
    this.#mostBytes = memoryShares * memoryMiB * 1_048_576
    const first = this.#start()
    this.features = first.features
    this.#idle.push({ guest: first, since: host.tools.clock.now() })
  }

  /** Of all instances. */
  get memoryBytes(): number {
    let sum = 0
    for (const { guest } of this.#idle) sum += guest.memoryBytes
    for (const { guest } of this.#leases) sum += guest.memoryBytes
    return sum
  }

  /** Exchanges that have an instance, or wait for one. */
  get exchanges(): number {
    return this.#leases.size + this.#waiting.size
  }

  /**
   * An instance, or null when all are in use. Whoever takes it runs it at once: how much memory it takes decides
   * whether there is room for the next. Throws a plugin's failure when there can be none.
   */
  take(cx: Context | null): Lease | null {
    if (this.#isDisposed) throw this.#dead('it was taken out')
    const guest = this.#idle.pop()?.guest ?? (this.#hasRoom ? this.#fresh(cx) : null)
    if (!guest) return null
    const lease: Lease = { guest, onEnd: null }
    this.#leases.add(lease)
    return lease
  }

  /**
   * An instance as soon as one is free. Rejects with a plugin's failure when none is within `pauseMs`, or with why
   * the exchange was given up.
   */
  wait(cx: Context): Promise<Lease> {
    const { pauseMs } = this.#spec.policy.limits
    const full = `has all its ${this.#leases.size} instances in use`
    if (this.#waiting.size >= mostWaiting) {
      throw this.#failed('limit', `${full}, and ${mostWaiting} exchanges wait for one`, cx)
    }
    return new Promise((resolve, reject) => {
      let stopAbort = () => {}
      const end = (settle: () => void) => {
        if (!this.#waiting.delete(waiting)) return
        stopTimer()
        stopAbort()
        settle()
      }
      const waiting: Waiting = {
        resolve: (lease) => end(() => resolve(lease)),
        reject: (error) => end(() => reject(error)),
      }
      this.#waiting.add(waiting)
      const stopTimer = this.#host.tools.clock.after(pauseMs, () => {
        end(() => reject(this.#failed('pause', `${full}; none was free for ${pauseMs} ms`, cx)))
      })
      stopAbort = cx.onAbort(waiting.reject)
    })
  }

  /** Gives it back; a dead one is not used again. */
  release(lease: Lease): void {
    if (!this.#leases.delete(lease)) return
    const { guest } = lease
    if (guest.isDead) this.#deaths += 1
    else if (this.memoryBytes + guest.memoryBytes > this.#mostBytes) guest.end()
    else this.#idle.push({ guest, since: this.#host.tools.clock.now() })
    this.#trimLater()
    // one alone: it is to run before it is known whether there is room for another
    for (const waiting of [...this.#waiting]) {
      try {
        const next = this.take(null)
        if (next) waiting.resolve(next)
        return
      } catch (thrown) {
        waiting.reject(thrown as Error)
      }
    }
  }

  /** Ends all exchanges that are in it. */
  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#stopTimer?.()
    const error = this.#dead('it was taken out')
    for (const { guest } of this.#idle.splice(0)) guest.end()
    for (const lease of [...this.#leases]) {
      this.#leases.delete(lease)
      lease.guest.end()
      lease.onEnd?.(error)
    }
    for (const waiting of [...this.#waiting]) waiting.reject(error)
  }

  get #hasRoom(): boolean {
    const { size } = this.#leases
    return size === 0 || (size < mostGuests && this.memoryBytes < this.#mostBytes)
  }

  #fresh(cx: Context | null): HttpWasmGuest {
    const isRestart = this.#deaths > 0
    if (isRestart) {
      if (this.#restarts.isHeldBack) throw this.#dead('it is held back: it died, and starting it takes long')
      this.#deaths -= 1
      this.#host.meter.restarted()
    }
    try {
      return this.#start()
    } catch (thrown) {
      this.#deaths += 1
      const reason = `it could not be started again: ${thrown instanceof Error ? thrown.message : thrown}`
      throw this.#failed('crash', reason, cx)
    }
  }

  #start(): HttpWasmGuest {
    return this.#restarts.run((ms) => new HttpWasmGuest(this.#spec, this.#settings, this.#host, ms))
  }

  #trimLater(): void {
    if (this.#stopTimer || this.#isDisposed || this.#idle.length < 2) return
    this.#stopTimer = this.#host.tools.clock.after(idleMs, () => {
      this.#stopTimer = null
      const before = this.#host.tools.clock.now() - idleMs
      const stale = this.#idle.filter(({ since }) => since <= before)
      const most = this.#idle.length + this.#leases.size - 1
      for (const { guest } of this.#idle.splice(0, Math.min(stale.length, most))) guest.end()
      this.#trimLater()
    })
  }

  #failed(kind: PluginErrorKind, reason: string, cx: Context | null): Error {
    const error = new PluginError(this.#spec, kind, null, reason)
    this.#host.meter.failed(kind, error, cx ?? undefined)
    return pluginFailure(error)
  }

  #dead(reason: string): Error {
    return pluginFailure(new PluginError(this.#spec, 'crash', null, reason))
  }
}

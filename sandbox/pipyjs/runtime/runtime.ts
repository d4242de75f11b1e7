import type { Context } from '../../../chains/context.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import {
  PluginError,
  type PluginErrorKind,
  type PluginHost,
  type PluginPosition,
} from '../../plugin/contract.ts'
import type { GuestSession } from '../guest-session.ts'
import type { PlanPlace } from '../plan.ts'
import type { Quotas } from './quota.ts'

/** What can be ended from outside: a line of an exchange. */
export interface Endable {
  fail(thrown: unknown): void
}

/** What {@link Lines} keep. */
export interface Seated extends Endable {
  /** Its place in there; the list's own affair. */
  seat: number
}

/** Lines in no order. Each knows its place: a set would hash every exchange in and out. */
export class Lines {
  readonly #lines: Seated[] = []

  get size(): number {
    return this.#lines.length
  }

  add(line: Seated): void {
    line.seat = this.#lines.push(line) - 1
  }

  /** Takes out one that is in there. */
  delete(line: Seated): void {
    const last = this.#lines.pop() as Seated
    if (last === line) return
    this.#lines[line.seat] = last
    last.seat = line.seat
  }

  /** As they are now. */
  toArray(): Seated[] {
    return [...this.#lines]
  }
}

/** Forks that may go on after their exchange is over, at a time. */
const maxLingering = 1_000

/** One instance of a plugin with all that its exchanges share. Lives as long as its session. */
export class Runtime {
  readonly spec: PluginSpec
  readonly host: PluginHost
  readonly session: GuestSession
  readonly quotas: Quotas
  /** Exchanges, and forks of them, that have something in the sandbox. */
  readonly lines = new Lines()
  /** Lines that wait for the guest, and would wait for ever if it died. */
  readonly waiting = new Set<Endable>()
  /** How many forks have outlived their exchange. */
  lingering = 0
  /** Calls into the guest, conditions of waits not counted. */
  calls = 0
  /** What `calls` was when the first of the conditions was asked of which word may still come. */
  #askedAt = 0
  /** Conditions of which word may still come. */
  #echoes = 0
  #isEnding = false

  constructor(spec: PluginSpec, host: PluginHost, session: GuestSession, quotas: Quotas) {
    this.spec = spec
    this.host = host
    this.session = session
    this.quotas = quotas
  }

  get mayLinger(): boolean {
    return this.lingering < maxLingering
  }

  /** An error of a limit that the host keeps: counts it, and returns it to be thrown. */
  error(kind: PluginErrorKind, place: PlanPlace | null, reason: string, cx: Context): PluginError {
    const error = new PluginError(this.spec, kind, place && positionOf(this.spec, place), reason)
    this.host.meter.failed(kind, error, cx)
    return error
  }

  /** Whether word that something ran may be of no more than that conditions of waits were asked. */
  get isEcho(): boolean {
    return this.#echoes > 0 && this.#askedAt === this.calls
  }

  /**
   * A condition was asked. Word of it comes to every wait as of anything else that
   * runs, in a microtask that is queued by now; two waits would ask because of each other for ever.
   */
  noteAsked(): void {
    if (this.#echoes === 0) this.#askedAt = this.calls
    this.#echoes += 1
    queueMicrotask(() => {
      this.#echoes -= 1
    })
  }

  /** Ends what a dead guest would leave waiting. Asked after each call that failed. */
  checkAlive(thrown: unknown): void {
    if (!this.session.isDead || this.#isEnding) return
    this.#isEnding = true
    for (const line of [...this.waiting]) line.fail(thrown)
    this.#isEnding = false
  }

  /** Ends every exchange that is still in the plugin. */
  close(reason: string): void {
    const error = new PluginError(this.spec, 'crash', null, reason)
    for (const line of this.lines.toArray()) line.fail(error)
  }
}

/** A place of a script in its author's own file; null when it is unknown. */
export function positionOf(spec: PluginSpec, place: PlanPlace): PluginPosition | null {
  if (place.line === 0) return null
  return { file: spec.origin, line: place.line + spec.lineOffset, column: place.column + spec.columnOffset }
}

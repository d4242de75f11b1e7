import {
  type EngineCode,
  EngineError,
  type EngineOptions,
  type GuestEntry,
  type GuestValue,
  type ScriptEngine,
} from './contract.ts'
import { Guest, maxArguments } from './guest.ts'
import { OutOfGuestMemory } from './guest-memory.ts'
import { notPlain } from './values.ts'
import { Watch } from './watch.ts'

/**
 * Makes an instance of the engine and boots its guest, within `loadMs`: one to two milliseconds, and
 * what boot takes. Throws an {@link EngineError} when the guest does not start.
 */
export function createEngine(code: EngineCode, options: EngineOptions): ScriptEngine {
  return new Engine(code, options)
}

class Entry implements GuestEntry {
  readonly name: string
  readonly owner: Engine
  readonly address: number

  constructor(name: string, owner: Engine, address: number) {
    this.name = name
    this.owner = owner
    this.address = address
  }
}

class Engine implements ScriptEngine {
  /** Null when the instance is dead. */
  #guest: Guest | null = null
  #isInside = false
  #death: EngineError | null = null
  #lastBytes = 0
  readonly #watch = new Watch()
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #callMs: number
  readonly #loadMs: number

  constructor(code: EngineCode, options: EngineOptions) {
    this.#callMs = options.limits.callMs
    this.#loadMs = options.limits.loadMs
    this.#watch.start(this.#loadMs)
    try {
      const guest = new Guest(code, options, this.#watch)
      this.#guest = this.#left(guest, guest)
    } catch (cause) {
      const { kind, message, frames } = this.#ended(cause)
      throw new EngineError(kind, message, frames, true)
    }
    const entries = [...this.#guest.entries].map(([name, at]) => [name, new Entry(name, this, at)] as const)
    this.#entries = new Map(entries)
  }

  get isDead(): boolean {
    return this.#guest === null
  }

  get memoryBytes(): number {
    return this.#guest?.instance.memory.bytes.length ?? this.#lastBytes
  }

  get blockCount(): number {
    return this.#guest?.instance.memory.blockCount ?? 0
  }

  entry(name: string): GuestEntry {
    const entry = this.#entries.get(name)
    if (!entry)
      throw new Error(`the guest has no entry ${name}; it has ${[...this.#entries.keys()].join(', ')}`)
    return entry
  }

  call(entry: GuestEntry, args: readonly GuestValue[]): GuestValue {
    const address = this.#address(entry)
    if (args.length > maxArguments) throw new RangeError(`a call takes at most ${maxArguments} arguments`)
    const guest = this.#enter(this.#callMs)
    try {
      const result = this.#left(guest, guest.call(address, args))
      if (result === notPlain)
        throw new EngineError('exception', `${entry.name} returned what cannot leave a guest`, [], false)
      return result
    } catch (cause) {
      throw this.#ended(cause)
    } finally {
      this.#isInside = false
    }
  }

  callNumbers(entry: GuestEntry, a: number, b: number, c: number): number {
    const address = this.#address(entry)
    const guest = this.#enter(this.#callMs)
    try {
      return this.#left(guest, guest.callNumbers(address, a, b, c))
    } catch (cause) {
      throw this.#ended(cause)
    } finally {
      this.#isInside = false
    }
  }

  keep(entry: GuestEntry, number: number): GuestEntry {
    const address = this.#address(entry)
    const guest = this.#enter(this.#callMs)
    try {
      const kept = this.#left(guest, guest.keep(address, number))
      if (kept === notPlain)
        throw new EngineError('exception', `${entry.name} returned what is no object`, [], false)
      return new Entry(`${entry.name} ${number}`, this, kept)
    } catch (cause) {
      throw this.#ended(cause)
    } finally {
      this.#isInside = false
    }
  }

  callKept(
    kept: GuestEntry,
    argument: GuestEntry | null,
    otherwise: GuestEntry,
    purpose: number,
  ): undefined | boolean | number {
    const called = this.#address(kept)
    const given = argument === null ? 0 : this.#address(argument)
    const next = this.#address(otherwise)
    const guest = this.#enter(this.#callMs)
    try {
      return this.#left(guest, guest.callKept(called, given, next, purpose))
    } catch (cause) {
      throw this.#ended(cause)
    } finally {
      this.#isInside = false
    }
  }

  word(index: number): number {
    const guest = this.#guest
    return guest === null ? 0 : (guest.instance.memory.words[guest.words + index] as number)
  }

  setWord(index: number, value: number): void {
    const guest = this.#guest
    if (guest !== null) guest.instance.memory.words[guest.words + index] = value
  }

  evaluate(source: string, file: string, received: GuestEntry | null, isCheckOnly = false): void {
    const address = received && !isCheckOnly ? this.#address(received) : null
    const guest = this.#enter(this.#loadMs)
    try {
      guest.handOver(guest.evaluate(source, file, isCheckOnly ? 'compileOnly' : 'script'), address)
      this.#left(guest, undefined)
    } catch (cause) {
      throw this.#ended(cause)
    } finally {
      this.#isInside = false
    }
  }

  evaluateModule(source: string, file: string, received: GuestEntry): void {
    const address = this.#address(received)
    const guest = this.#enter(this.#loadMs)
    try {
      guest.handOver(guest.namespace(guest.evaluate(source, file, 'module'), file), address)
      this.#left(guest, undefined)
    } catch (cause) {
      throw this.#ended(cause)
    } finally {
      this.#isInside = false
    }
  }

  [Symbol.dispose](): void {
    this.#die(new EngineError('crash', 'it was disposed of', [], true))
  }

  #enter(limitMs: number): Guest {
    const guest = this.#guest
    if (guest === null) {
      const { kind = 'crash', message = '' } = this.#death ?? {}
      throw new EngineError(kind, `the instance is dead: ${message}`, [], true)
    }
    if (this.#isInside) throw new Error('a guest cannot be entered while it runs')
    this.#isInside = true
    this.#watch.start(limitMs)
    return guest
  }

  /**
   * A call ended well; unless memory ran out in it, which a script can catch and we cannot forget, or an async
   * function was stopped, whose promise took the exception.
   */
  #left<T>(guest: Guest, result: T): T {
    if (guest.instance.memory.isFull) throw new OutOfGuestMemory()
    if (this.#watch.isInterrupted) {
      throw new EngineError('timeout', `ran for more than ${this.#watch.limitMs} ms`, [], false)
    }
    return result
  }

  #address(entry: GuestEntry): number {
    if (!(entry instanceof Entry) || entry.owner !== this)
      throw new Error(`${entry.name} is no entry of this guest`)
    return entry.address
  }

  /** A call failed: what to throw. Everything but an exception of the guest's own is the end of the instance. */
  #ended(cause: unknown): EngineError {
    const isFull = this.#guest?.instance.memory.isFull || cause instanceof OutOfGuestMemory
    if (cause instanceof EngineError && !cause.isFatal && !isFull) return cause
    const error = this.#fatal(cause, isFull)
    this.#die(error)
    return error
  }

  #fatal(cause: unknown, isFull: boolean): EngineError {
    const frames = cause instanceof EngineError ? cause.frames : []
    if (this.#watch.isStopped)
      return new EngineError('timeout', `ran for more than ${this.#watch.limitMs} ms`, [], true)
    if (isFull) return new EngineError('memory', 'used more memory than it may have', frames, true)
    if (cause instanceof EngineError) return cause
    const error = new EngineError('crash', cause instanceof Error ? cause.message : String(cause), [], true)
    error.cause = cause
    return error
  }

  #die(error: EngineError): void {
    this.#lastBytes = this.memoryBytes
    this.#death ??= error
    this.#guest = null
  }
}

/** The engine's code, made once in a process and shared with workers: it can be posted to them. */
export interface EngineCode {
  readonly module: WebAssembly.Module
}

/** What goes into a call, or comes out of one: nothing of the host but bytes, strings and numbers. */
export type GuestValue = undefined | null | boolean | number | string | Uint8Array

/** The arguments of a call from the guest, read one at a time because each costs. Valid until the function returns. */
export interface HostCall {
  readonly count: number
  isUndefined(index: number): boolean
  /** NaN for what is no number. Never runs guest code. */
  number(index: number): number
  /** Throws {@link HostRefusal} for what is no string. Never runs guest code. */
  string(index: number): string
  boolean(index: number): boolean
  /** A copy of an ArrayBuffer. Throws {@link HostRefusal} for anything else, or past the limit of the call. */
  bytes(index: number): Uint8Array
}

/**
 * A function of the host that guests can call. It may not enter the guest
 * again. A thrown {@link HostRefusal} becomes an exception in the guest;
 * anything else is a fault of ours, and ends the instance.
 *
 * A guest near the end of its stack can make any conversion fail half-way: read all arguments
 * first, and change things of the host last.
 */
export type HostFunction = (call: HostCall) => GuestValue

/** Thrown by a {@link HostFunction} to throw an `Error` of this message in the guest. */
export class HostRefusal extends Error {
  override readonly name = 'HostRefusal'
}

/** What one instance may use. */
export interface EngineLimits {
  /**
   * Time for one call, in milliseconds; it is stopped for good at 1.2 times that at the latest. Time in which
   * the thread did not run does not count, up to ten times as much.
   */
  readonly callMs: number
  /** Time for evaluating the script at load, in milliseconds. */
  readonly loadMs: number
  /** The guest's heap; the memory of the instance is capped above it. */
  readonly heapBytes: number
}

/** What an instance is made from, beside the code of the engine. */
export interface EngineOptions {
  readonly limits: EngineLimits
  /**
   * By the name under which the guest's boot code finds them: properties of `host`, the first argument of its
   * entry module's `boot`. The second is an ArrayBuffer of {@link sharedWords} words, which both sides read and write.
   */
  readonly functions: Readonly<Record<string, HostFunction>>
  /** ES modules of ours that run in the guest, by name, and which one is the entry. After boot nothing can be imported. */
  readonly guest: { readonly modules: Readonly<Record<string, string>>; readonly entry: string }
}

/** Words of 32 bits that a guest's boot code and the host share: a look at one costs no crossing. All are 0 at first. */
export const sharedWords = 4

/** How a call can fail. After `crash` and `memory`, and after a hard stop, the instance is dead. */
export type EngineErrorKind = 'exception' | 'timeout' | 'memory' | 'crash'

/** A frame of a guest's stack. Lines and columns begin with 1; 0 is unknown. */
export interface GuestFrame {
  readonly name: string
  readonly file: string
  readonly line: number
  readonly column: number
}

/** A call into a guest that failed. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly kind: EngineErrorKind
  /** Innermost first; at most 20. */
  readonly frames: readonly GuestFrame[]
  /** The instance cannot be used any more. */
  readonly isFatal: boolean

  constructor(kind: EngineErrorKind, message: string, frames: readonly GuestFrame[], isFatal: boolean) {
    super(message)
    this.kind = kind
    this.frames = frames
    this.isFatal = isFatal
  }
}

/** An entry of the guest: a property of what its `boot` returned, kept by the host; or an object that it gave to keep. */
export interface GuestEntry {
  readonly name: string
}

/**
 * One instance of the engine: one plugin in one worker. Not shared, not re-entrant.
 *
 * Every method but `dispose` throws {@link EngineError} when it fails, and at
 * once when the instance is dead.
 */
export interface ScriptEngine extends Disposable {
  readonly isDead: boolean
  /** Bytes of the guest's memory (not of its heap alone); of a dead one, what it had. Costs nothing. */
  readonly memoryBytes: number
  /** Blocks that the guest has allocated; over many calls as many as before, when nothing leaks. Costs nothing. */
  readonly blockCount: number
  /** A function that `boot` returned. Throws an `Error` if there is none of that name. */
  entry(name: string): GuestEntry
  /**
   * Calls an entry and then runs the promise jobs that are due, all within
   * `callMs`. The result must be undefined, null, a boolean, a number, a string or an
   * ArrayBuffer (copied); anything else is an `exception`.
   */
  call(entry: GuestEntry, args: readonly GuestValue[]): GuestValue
  /** Hot path of {@link call}: numbers in, a number out (NaN for anything else). About 0.1 µs and what the guest does. */
  callNumbers(entry: GuestEntry, a: number, b: number, c: number): number
  /** Calls an entry with a number, and keeps the object or function that it returns for as long as the instance lives. */
  keep(entry: GuestEntry, number: number): GuestEntry
  /**
   * Hot path: calls a function that was kept, without `this`, with a kept object or nothing. An undefined or a
   * boolean comes back as it is; anything else is handed to `otherwise`, with `purpose`, which gives a number (NaN for anything else).
   */
  callKept(
    kept: GuestEntry,
    argument: GuestEntry | null,
    otherwise: GuestEntry,
    purpose: number,
  ): undefined | boolean | number
  /** Reads one of the {@link sharedWords}; 0 when the instance is dead. */
  word(index: number): number
  setWord(index: number, value: number): void
  /**
   * Evaluates a classic script (sloppy mode, global scope) under a file name for
   * stacks; its completion value is handed to the entry `received`. `isCheckOnly` parses and runs nothing.
   */
  evaluate(source: string, file: string, received: GuestEntry | null, isCheckOnly?: boolean): void
  /** Evaluates an ES module without imports; its namespace object is handed to the entry `received`. */
  evaluateModule(source: string, file: string, received: GuestEntry): void
}

import { type EngineCode, EngineError, type EngineOptions, type GuestValue, sharedWords } from './contract.ts'
import { type Description, parseDescription } from './faults.ts'
import { OutOfGuestMemory } from './guest-memory.ts'
import { GuestModules } from './guest-modules.ts'
import { HostFunctions } from './host-functions.ts'
import { createInstance, type Instance } from './instance.ts'
import { evalFlags, tags } from './library.ts'
import { prelude, preludeFile } from './prelude.ts'
import { notPlain } from './values.ts'
import type { Watch } from './watch.ts'

/** Jobs that are run between two looks at whether the time is over. */
const jobsAtOnce = 16
/** The most arguments that a call takes. */
export const maxArguments = 16

/** How a source is evaluated. */
export type SourceKind = keyof typeof evalFlags

/**
 * A guest in an instance: calls into it, jobs, and what it throws. The caller
 * has started the clock, and deals with whatever is thrown here that is no
 * {@link EngineError}: the instance has then ended in the middle of something.
 */
export class Guest {
  readonly instance: Instance
  /** The functions that `boot` returned, by name. */
  readonly entries: ReadonlyMap<string, number>
  /** Where the words that are shared with it are, counted in words. */
  readonly words: number
  readonly #watch: Watch
  readonly #modules: GuestModules
  readonly #functions: HostFunctions
  readonly #describe: number
  /** The addresses of arguments, and the arguments themselves. */
  readonly #addresses: number
  readonly #slots: number

  constructor(code: EngineCode, options: EngineOptions, watch: Watch) {
    this.#watch = watch
    this.#modules = new GuestModules(options.guest.modules)
    this.instance = createInstance(code, options.limits, watch, {
      normalizeModule: (base, name) => this.instance.values.makeCString(this.#modules.resolve(base, name)),
      loadModule: (name) => this.#loadModule(name),
      callFunction: (count, address, id) => this.#functions.call(count, address, id),
    })
    this.#functions = new HostFunctions(this.instance, options.functions, watch)
    const { values } = this.instance
    this.#addresses = values.allocate(4 * maxArguments)
    this.#slots = values.allocate(8 * maxArguments)
    const words = values.allocate(4 * sharedWords)
    this.words = words >> 2
    this.instance.memory.words.fill(0, this.words, this.words + sharedWords)
    const own = this.evaluate(prelude, preludeFile, 'script')
    this.#describe = this.#element(own, 1)
    this.entries = this.#boot(this.#element(own, 0), options, words)
    this.#modules.close()
  }

  /** Calls a function with values, and runs the jobs that are due. */
  call(called: number, values: readonly GuestValue[]): GuestValue | typeof notPlain {
    for (let index = 0; index < values.length; index += 1) this.#setArgument(index, values[index])
    const result = this.#invoke(called, values.length)
    for (let index = 0; index < values.length; index += 1) this.#freeArgument(index)
    return this.#finish(result)
  }

  /** {@link call} with three numbers. */
  callNumbers(called: number, a: number, b: number, c: number): number {
    const { library, values, runtime } = this.instance
    values.writeNumber(this.#slots, a)
    values.writeNumber(this.#slots + 8, b)
    values.writeNumber(this.#slots + 16, c)
    for (let index = 0; index < 3; index += 1) this.#setAddress(index, this.#slots + 8 * index)
    const number = this.#numberFrom(this.#invoke(called, 3))
    if (library.isJobPending(runtime)) this.#runJobs(null)
    return number
  }

  /** Calls a function with a number; what it gives is never freed. */
  keep(called: number, number: number): number | typeof notPlain {
    const { values } = this.instance
    this.#setArgument(0, number)
    const result = this.#invoke(called, 1)
    if (values.tag(result) === tags.object) {
      this.#runJobs(null)
      return result
    }
    this.#finish(result)
    return notPlain
  }

  /** Calls a function with what is at an address, 0 for nothing; a result that is no undefined or boolean goes to `otherwise`. */
  callKept(called: number, argument: number, otherwise: number, purpose: number) {
    const { library, values, runtime } = this.instance
    if (argument !== 0) this.#setAddress(0, argument)
    const result = this.#invoke(called, argument === 0 ? 0 : 1)
    const tag = values.tag(result)
    let answer: undefined | boolean | number
    if (tag === tags.exception) this.#finish(result)
    if (tag === tags.undefined || tag === tags.boolean) {
      if (tag === tags.boolean) answer = values.isTrue(result)
      this.#free(result)
    } else answer = this.#handOn(result, otherwise, purpose)
    if (library.isJobPending(runtime)) this.#runJobs(null)
    return answer
  }

  /** Evaluates a source; the result is owned by the caller. */
  evaluate(source: string, file: string, kind: SourceKind): number {
    const { library, values, context } = this.instance
    const text = values.makeCString(source)
    const name = values.makeCString(file)
    const result = library.evaluate(context, text, Buffer.byteLength(source), name, 0, evalFlags[kind])
    library.free(text)
    library.free(name)
    if (result === 0) throw new OutOfGuestMemory('there is no memory for a result')
    if (values.tag(result) === tags.exception) this.#finish(result)
    return result
  }

  /** The namespace of a module that was evaluated, which may have to wait for something at its top level. */
  namespace(result: number, file: string): number {
    const { library, context } = this.instance
    // Below 0: it is no promise, and so is the namespace itself.
    if (library.promiseState(context, result) < 0) return result
    this.#runJobs(null)
    const state = library.promiseState(context, result)
    const settled = library.promiseResult(context, result)
    this.#free(result)
    if (state === 1) return settled
    const description =
      state === 2 ? this.#description(settled) : { message: `${file} awaits what does not come`, frames: [] }
    this.#free(settled)
    throw this.#errorOf(description)
  }

  /** Hands a value over to a function, frees it, and runs the jobs that are due. */
  handOver(value: number, received: number | null): void {
    if (received !== null) {
      this.#setAddress(0, value)
      const result = this.#invoke(received, 1)
      this.#free(value)
      this.#finish(result)
      return
    }
    this.#free(value)
    this.#runJobs(null)
  }

  #boot(start: number, options: EngineOptions, words: number): ReadonlyMap<string, number> {
    const { library, context } = this.instance
    const { modules, entry } = options.guest
    const { text, reason } = { text: '', reason: '', ...this.#modules.source(entry) }
    if (reason)
      throw new Error(`the guest's entry: ${reason}; it has ${Object.keys(modules).join(', ') || 'none'}`)
    const namespace = this.namespace(this.evaluate(text, entry, 'module'), entry)
    const host = this.#functions.makeHost(Object.keys(options.functions))
    this.#setAddress(0, namespace)
    this.#setAddress(1, host)
    this.#setAddress(2, library.newArrayBuffer(context, words, 4 * sharedWords))
    const list = this.#invoke(start, 3)
    if (this.instance.values.tag(list) === tags.exception) this.#finish(list)
    this.#free(host)
    this.#free(namespace)
    const entries = new Map<string, number>()
    const count = this.instance.values.number(this.#element(list, 0))
    for (let index = 1; index < 2 * count; index += 2) {
      const name = library.getPropertyByIndex(context, list, index)
      entries.set(this.instance.values.text(name) ?? '', this.#element(list, index + 1))
      this.#free(name)
    }
    this.#free(list)
    this.#runJobs(null)
    return entries
  }

  #handOn(value: number, otherwise: number, purpose: number): number {
    const { values } = this.instance
    values.writeNumber(this.#slots, purpose)
    this.#setAddress(0, value)
    this.#setAddress(1, this.#slots)
    const result = this.#invoke(otherwise, 2)
    this.#free(value)
    return this.#numberFrom(result)
  }

  #numberFrom(result: number): number {
    const { values } = this.instance
    if (values.tag(result) === tags.exception) this.#finish(result)
    const number = values.number(result)
    this.#free(result)
    return number
  }

  #invoke(called: number, count: number): number {
    const { library, context, undefinedValue } = this.instance
    const result = library.call(context, called, undefinedValue, count, this.#addresses)
    if (result === 0) throw new OutOfGuestMemory('there is no memory for a result')
    return result
  }

  /** Reads and frees a result, runs jobs, and throws what the guest threw. */
  #finish(result: number): GuestValue | typeof notPlain {
    const { values } = this.instance
    if (values.tag(result) !== tags.exception) {
      const value = values.read(result)
      this.#free(result)
      this.#runJobs(null)
      return value
    }
    const thrown = values.takeException(result)
    const error = this.#errorOf(this.#description(thrown))
    this.#free(thrown)
    this.#runJobs(error)
    throw error
  }

  /**
   * Runs jobs until there are none. Those that are left when the time is over
   * would be at the cost of the next call, for ever; so the instance is then of no use.
   */
  #runJobs(before: EngineError | null): void {
    const { library, values, runtime } = this.instance
    let error = before
    while (library.isJobPending(runtime)) {
      if (!this.#watch.hasGrace) throw this.#unfinished(error)
      const result = library.executePendingJobs(runtime, jobsAtOnce, this.#slots)
      if (result === 0) throw new OutOfGuestMemory('there is no memory for a result')
      // What is no number of jobs was thrown by one; only those that clean up after weak references can.
      if (Number.isNaN(values.number(result))) error ??= this.#errorOf(this.#description(result))
      this.#free(result)
    }
    if (error && error !== before) throw error
  }

  #unfinished(error: EngineError | null): EngineError {
    return new EngineError(
      'timeout',
      `ran for more than ${this.#watch.limitMs} ms`,
      error?.frames ?? [],
      true,
    )
  }

  #errorOf({ message, frames }: Description): EngineError {
    if (this.#watch.isInterrupted)
      return new EngineError('timeout', `ran for more than ${this.#watch.limitMs} ms`, frames, false)
    if (message.startsWith('InternalError: out of memory'))
      return new EngineError('memory', message, frames, true)
    return new EngineError('exception', message, frames, false)
  }

  /** What was thrown, in words. */
  #description(thrown: number): Description {
    const { values } = this.instance
    this.#setAddress(0, thrown)
    this.#watch.isTidying = true
    const result = this.#invoke(this.#describe, 1)
    this.#watch.isTidying = false
    const text = values.text(result)
    if (text !== null) {
      this.#free(result)
      return parseDescription(text)
    }
    this.#free(values.takeException(result))
    return { message: 'something that cannot be read', frames: [] }
  }

  #loadModule(name: string): number {
    const { library, values } = this.instance
    const found = this.#modules.source(name)
    if ('text' in found) return values.makeCString(found.text)
    library.free(this.#functions.throwInGuest(found.reason))
    return 0
  }

  #element(array: number, index: number): number {
    return this.instance.library.getPropertyByIndex(this.instance.context, array, index)
  }

  #setArgument(index: number, value: GuestValue): void {
    const slot = this.#slots + 8 * index
    const { values } = this.instance
    this.#setAddress(index, values.writePlain(slot, value) ? slot : values.make(value))
  }

  #freeArgument(index: number): void {
    const address = this.instance.memory.words[(this.#addresses >> 2) + index] as number
    if (address !== this.#slots + 8 * index) this.#free(address)
  }

  #setAddress(index: number, address: number): void {
    this.instance.memory.words[(this.#addresses >> 2) + index] = address
  }

  #free(address: number): void {
    this.instance.library.freeValue(this.instance.context, address)
  }
}

import { type HostCall, type HostFunction, HostRefusal } from './contract.ts'
import type { Instance } from './instance.ts'
import { tags } from './library.ts'
import type { Values } from './values.ts'
import type { Watch } from './watch.ts'

/** Units of a text, or bytes, that take as long as a call of a function. */
const unitsPerCall = 4_096
/** How much of the message of a refusal a guest gets to see. */
const maxMessage = 1_000

/** The arguments of the call that is being made; one object for all calls of an instance. */
class Arguments implements HostCall {
  count = 0
  #at = 0
  readonly #values: Values
  readonly #watch: Watch

  constructor(values: Values, watch: Watch) {
    this.#values = values
    this.#watch = watch
  }

  set(count: number, address: number): void {
    this.count = count
    this.#at = address
  }

  isUndefined(index: number): boolean {
    return index >= this.count || this.#values.tag(this.#at + 8 * index) === tags.undefined
  }

  number(index: number): number {
    return index < this.count ? this.#values.number(this.#at + 8 * index) : Number.NaN
  }

  string(index: number): string {
    const text = index < this.count ? this.#values.text(this.#at + 8 * index) : null
    if (text === null) throw new HostRefusal(`argument ${index + 1} must be a string`)
    if (text.length > unitsPerCall) this.#watch.called(text.length / unitsPerCall)
    return text
  }

  boolean(index: number): boolean {
    return index < this.count && this.#values.isTrue(this.#at + 8 * index)
  }

  bytes(index: number): Uint8Array {
    const bytes = index < this.count ? this.#values.bytes(this.#at + 8 * index) : null
    if (bytes === null) throw new HostRefusal(`argument ${index + 1} must be an ArrayBuffer`)
    if (bytes.length > unitsPerCall) this.#watch.called(bytes.length / unitsPerCall)
    return bytes
  }
}

/** The functions of the host that one guest can call, by number. */
export class HostFunctions {
  readonly #instance: Instance
  readonly #functions: readonly HostFunction[]
  readonly #arguments: Arguments
  readonly #messageKey: number

  constructor(instance: Instance, functions: Readonly<Record<string, HostFunction>>, watch: Watch) {
    this.#instance = instance
    this.#functions = Object.values(functions)
    this.#arguments = new Arguments(instance.values, watch)
    this.#messageKey = instance.values.makeText('message')
  }

  /** Makes the object that boot code is given; its owner must free it. */
  makeHost(names: readonly string[]): number {
    const { library, values, context } = this.#instance
    const host = library.newObjectProto(context, library.getNull())
    names.forEach((name, index) => {
      const text = values.makeCString(name)
      const made = library.newFunction(context, text, 0, 0, index + 1)
      library.free(text)
      const key = values.makeText(name)
      this.#define(host, key, made)
      library.freeValue(context, key)
      library.freeValue(context, made)
    })
    return host
  }

  /** Called by the engine when a guest calls one: gives the result's address, 0 for undefined. */
  call(count: number, address: number, id: number): number {
    const called = this.#functions[id - 1] as HostFunction
    this.#arguments.set(count, address)
    try {
      const result = called(this.#arguments)
      return result === undefined ? 0 : this.#instance.values.make(result)
    } catch (error) {
      if (error instanceof HostRefusal) return this.throwInGuest(error.message)
      throw error
    }
  }

  /** Throws an `Error` in the guest: gives what is to be returned to it. */
  throwInGuest(message: string): number {
    const { library, values, context } = this.#instance
    const error = library.newError(context)
    const text = values.makeText(message.slice(0, maxMessage))
    // Defined, not set: setting could run a setter of the guest's.
    this.#define(error, this.#messageKey, text)
    library.freeValue(context, text)
    const thrown = library.throwValue(context, error)
    library.freeValue(context, error)
    return thrown
  }

  #define(object: number, key: number, value: number): void {
    const { library, context, undefinedValue } = this.#instance
    library.defineProperty(context, object, key, value, undefinedValue, undefinedValue, 1, 0, 1)
  }
}

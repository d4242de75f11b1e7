import { currentContext, defer, type ScriptContext } from './contexts.ts'

/**
 * Keeps the context through promises. All jobs that one call leaves run within
 * that call, so they are in its context; only what waits for a promise of
 * another context is not. That is done in a call of its own.
 */

const NativePromise = Promise
const { apply, defineProperty } = Reflect
const nativeThen = NativePromise.prototype.then as (...reactions: unknown[]) => unknown
const withResolvers = (
  NativePromise as unknown as {
    withResolvers(): { promise: Promise<unknown>; resolve: Reaction; reject: Reaction }
  }
).withResolvers

type Reaction = (value: unknown) => void

/** Whether a value is a promise of this guest; not merely something with `then`. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && value instanceof NativePromise
}

/** Calls one of two functions when a promise settles, in the current context. */
export function whenSettled(promise: Promise<unknown>, done: Reaction, failed: Reaction): void {
  const context = currentContext()
  apply(nativeThen, promise, [inContext(done, context), inContext(failed, context)])
}

/**
 * Makes `then` remember the context that it is looked up in. `await` looks it
 * up too, as long as the promise's constructor is not the very one that made it.
 */
export function installPromises(): void {
  class Unlike extends NativePromise<unknown> {
    static override get [Symbol.species](): PromiseConstructor {
      return NativePromise
    }
  }
  defineProperty(Unlike, 'name', { value: 'Promise' })
  defineProperty(NativePromise.prototype, 'constructor', {
    value: Unlike,
    writable: true,
    configurable: true,
  })
  defineProperty(NativePromise.prototype, 'then', {
    configurable: true,
    get() {
      const context = currentContext()
      return function then(this: unknown, done: unknown, failed: unknown): unknown {
        return followed(this, done, failed, context)
      }
    },
    set(value) {
      defineProperty(this, 'then', { value, writable: true, enumerable: true, configurable: true })
    },
  })
}

/** The promise of what comes of a reaction. Made here: what a reaction itself returned would be followed in the wrong context. */
function followed(promise: unknown, done: unknown, failed: unknown, context: ScriptContext | null): unknown {
  const { promise: next, resolve, reject } = apply(withResolvers, NativePromise, [])
  const react = (reaction: unknown, otherwise: Reaction): Reaction => {
    if (typeof reaction !== 'function') return otherwise
    return inContext((value) => {
      try {
        resolve(reaction(value))
      } catch (error) {
        reject(error)
      }
    }, context)
  }
  apply(nativeThen, promise, [react(done, resolve), react(failed, reject)])
  return next
}

/** The same reaction, but never in another context than this. */
function inContext(reaction: Reaction, context: ScriptContext | null): Reaction {
  return (value) => {
    if (currentContext() === context) reaction(value)
    else defer(context, () => reaction(value))
  }
}

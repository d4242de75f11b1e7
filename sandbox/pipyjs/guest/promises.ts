import { current, defer, type ScriptContext } from './contexts.ts'

/**
 * Keeps the context through promises. All jobs that one call leaves run within
 * that call, so they are in its context; only what waits for a promise of
 * another context is not. That is done in a call of its own.
 */

const NativePromise = Promise
const { apply, defineProperty } = Reflect
const nativeThen = NativePromise.prototype.then

type Reaction = ((value: unknown) => unknown) | null | undefined

/** Whether a value is a promise of this guest; not merely something with `then`. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && value instanceof NativePromise
}

/** Calls one of two functions when a promise settles, in the current context. */
export function whenSettled(promise: Promise<unknown>, done: Reaction, failed: Reaction): void {
  apply(nativeThen, promise, [inContext(done, current), inContext(failed, current)])
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
      const context = current
      return function then(this: unknown, done: Reaction, failed: Reaction): unknown {
        return apply(nativeThen, this, [inContext(done, context), inContext(failed, context)])
      }
    },
    set(value) {
      defineProperty(this, 'then', { value, writable: true, enumerable: true, configurable: true })
    },
  })
}

/** The same reaction, but never in another context than this. */
function inContext(reaction: Reaction, context: ScriptContext | null): Reaction {
  if (typeof reaction !== 'function') return reaction
  return (value) => {
    if (current === context) return reaction(value)
    return new NativePromise((resolve, reject) => {
      defer(context, () => {
        try {
          resolve(reaction(value))
        } catch (error) {
          reject(error)
        }
      })
    })
  }
}

import { deflateSync, inflateSync } from 'node:zlib'
import { type ForeignFunctions, type HostContext, type Status, status } from '../contract.ts'

/** What a foreign function gives back. */
export type ForeignResult = { readonly result: Uint8Array } | { readonly status: Status }
/** A function that guests call by name. It runs inside the call of the guest, whose clock no fuel counts here: it must be short. */
export type ForeignFunction = (argument: Uint8Array, context: HostContext) => ForeignResult

/** Deflating as much takes less time than a call has; more would be a way around the limit on time. */
const maxDeflateBytes = 524_288
/** What inflating may read, and what it may become: a few bytes can stand for a thousand times as many. */
const maxInflateBytes = 4 * 1_048_576

const nothing = new Uint8Array(0)

const builtIn: Readonly<Record<string, ForeignFunction>> = {
  /** To a zlib stream. */
  compress: (argument) =>
    argument.length > maxDeflateBytes ? { status: status.badArgument } : { result: deflateSync(argument) },
  /** From a zlib stream. */
  uncompress: (argument) => {
    if (argument.length > maxInflateBytes) return { status: status.badArgument }
    try {
      return { result: inflateSync(argument, { maxOutputLength: maxInflateBytes }) }
    } catch (error) {
      const isTooLong = error instanceof RangeError
      return { status: isTooLong ? status.badArgument : status.serializationFailure }
    }
  },
  clear_route_cache: (_argument, context) => {
    context.clearRouteCache()
    return { result: nothing }
  },
}

/** The foreign functions of the host, and `more` beside or in place of them. */
export function foreignFunctions(more: Readonly<Record<string, ForeignFunction>> = {}): ForeignFunctions {
  const functions = new Map(Object.entries({ ...builtIn, ...more }))
  return {
    call: (name, argument, context) =>
      functions.get(name)?.(argument, context) ?? { status: status.notFound },
  }
}

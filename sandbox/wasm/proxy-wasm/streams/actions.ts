/**
 * What a guest's answer to a callback means. Guests of most SDKs say 0 or 1; those in C++ use Envoy's own
 * numbers, and anything that is none of them is the strongest stop.
 */

/** After headers, or a new connection. `all`: no body callback either; `headers`: they come while the headers are held. */
export type HeadAction = 'continue' | 'headers' | 'all'
/** After data: it goes on; it is held, up to the limit; it is held, and reading stops at the limit; it is dropped. */
export type DataAction = 'continue' | 'buffer' | 'watermark' | 'drop'

const dataActions = ['continue', 'buffer', 'watermark', 'drop'] as const

/** Null is a guest without the callback. */
export function headAction(result: number | null, isBodyWanted: boolean): HeadAction {
  if (result === null || result === 0) return 'continue'
  return result === 1 && isBodyWanted ? 'headers' : 'all'
}

/** Null is a guest without the callback. An unknown number holds the data: to drop it would lose it. */
export function dataAction(result: number | null): DataAction {
  return result === null ? 'continue' : (dataActions[result] ?? 'watermark')
}

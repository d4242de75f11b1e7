import type { Context } from '../../../chains/context.ts'
import type { Cluster } from '../../../chains/model.ts'
import type { HeadEntry } from './heads.ts'

/** A context of the guest, as the functions that the guest calls need it. */
export interface CallingContext {
  readonly id: number
  readonly cx: Context
  /** The heads that the guest got to know in it. */
  heads: HeadEntry[] | null
  /** The cluster that the script assigned last, and what it knows the object by. */
  assigned: { readonly cluster: Cluster; readonly token: number } | null
}

/** For which context the guest is running now; null while it is loaded. One for each session. */
export interface Calling {
  current: CallingContext | null
}

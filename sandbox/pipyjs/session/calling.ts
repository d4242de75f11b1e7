import type { Context } from '../../../chains/context.ts'
import type { Cluster } from '../../../chains/model.ts'
import type { MessageHead } from '../events.ts'

/** A head that the guest knows by a number. */
export interface HeadEntry {
  readonly id: number
  readonly head: MessageHead
  /** Whether it has been sent on since the guest last got it: what is sent again has to be a copy. */
  isSent: boolean
}

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

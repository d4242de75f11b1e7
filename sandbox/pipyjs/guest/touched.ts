import { serial } from './contexts.ts'
import { host } from './host.ts'

/** Something the script may still change within this call, without our seeing it. */
export interface Touched {
  /** Tells the host if it was changed. */
  settle(): void
  /** Forgets about it: the call failed. */
  drop(): void
}

let list: Touched[] = []
let listSerial = 0

/** Has something looked at again when the call is over. */
export function touch(entry: Touched): void {
  dropStale()
  if (list.length === 0) host.wantFinish()
  list.push(entry)
}

/** The call is over, and nothing of it can run any more. */
export function finish(): void {
  const entries = list
  list = []
  // What a call that failed has left must not count for another.
  if (listSerial !== serial) for (const entry of entries) entry.drop()
  else for (const entry of entries) entry.settle()
}

function dropStale(): void {
  if (listSerial === serial) return
  for (const entry of list) entry.drop()
  list = []
  listSerial = serial
}

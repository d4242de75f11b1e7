import { host } from './host.ts'

/** Something the script may still change within this call, without our seeing it. */
export interface Touched {
  /** Tells the host if it was changed. */
  settle(): void
  /** Forgets about it: the call failed. */
  drop(): void
}

let list: Touched[] = []

/** Has something looked at again when the call is over. */
export function touch(entry: Touched): void {
  if (host.wantFinish()) {
    // It is the first of this call: what is left is of one that failed.
    for (const stale of list) stale.drop()
    list = []
  }
  list.push(entry)
}

/** The call is over, and nothing of it can run any more. */
export function finish(): void {
  const entries = list
  list = []
  for (const entry of entries) entry.settle()
}

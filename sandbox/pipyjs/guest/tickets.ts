import { beginIn, currentContext, type ScriptContext } from './contexts.ts'

interface Waiting {
  readonly context: ScriptContext | null
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: unknown) => void
}

const waiting = new Map<number, Waiting>()
let lastTicket = 0

/** A promise of something that the host does: `start` asks for it, with the ticket that it will be settled by. */
export function hostPromise<T>(start: (ticket: number) => void): Promise<T> {
  lastTicket += 1
  const ticket = lastTicket
  return new Promise<unknown>((resolve, reject) => {
    start(ticket)
    waiting.set(ticket, { context: currentContext(), resolve, reject })
  }) as Promise<T>
}

/** Settles a ticket's promise from here; false when that was done before. */
export function settleHere(ticket: number, value: unknown): boolean {
  const entry = waiting.get(ticket)
  waiting.delete(ticket)
  entry?.resolve(value)
  return entry !== undefined
}

/** The host has done it: the rest runs in the context that asked for it. */
export function settle(ticket: number, isDone: boolean, value: unknown): void {
  const entry = waiting.get(ticket)
  waiting.delete(ticket)
  if (entry === undefined) return
  beginIn(entry.context)
  if (isDone) entry.resolve(value)
  else entry.reject(new Error(String(value)))
}

import { HostRefusal } from '../../../quickjs/contract.ts'

/**
 * Does what may fail because of what a script gave: its error becomes one that the
 * script gets, with what was tried before it. Arguments are read before, never in here.
 */
export function attempt<T>(what: string, action: () => T): T {
  try {
    return action()
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    throw new HostRefusal(`${what}: ${reason}`)
  }
}

import { callBare, callWith, callWithStart } from './callbacks.ts'
import { recordedPlan } from './configuration.ts'
import { clone, close, resume } from './contexts.ts'
import { installGlobals } from './globals/table.ts'
import { connectHost, type HostFunctions, host } from './host.ts'
import { installPromises } from './promises.ts'
import { closeScopes, openScopes } from './scope.ts'
import { settle } from './tickets.ts'
import { finish } from './touched.ts'
import { declareFixed } from './variables.ts'

/** Starts the guest: everything that the host can call in it. Scripts get to see none of it. */
export function boot(functions: HostFunctions): object {
  connectHost(functions)
  installPromises()
  installGlobals()
  declareFixed(host.fileName())
  let plan = ''
  return {
    /** Opens the scopes for the script; `names` as JSON are those whose type it asks for. */
    prepare: (names: string): void => openScopes(JSON.parse(names)),
    /** The script has been evaluated. */
    received(value: unknown): void {
      closeScopes()
      plan = recordedPlan(value)
    },
    plan: (): string => plan,
    callBare,
    callWithStart,
    callWith,
    clone,
    close,
    settle,
    resume,
    finish,
  }
}

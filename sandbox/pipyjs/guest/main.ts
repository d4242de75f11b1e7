import { callbackCount, callbackOf, callWith, callWithStart, isShown, resultOf } from './callbacks.ts'
import { recordedPlan } from './configuration.ts'
import { clone, close, connectWords, resume } from './contexts.ts'
import { installGlobals } from './globals/table.ts'
import { connectHost, type HostFunctions, host } from './host.ts'
import { installPromises } from './promises.ts'
import { closeScopes, openScopes } from './scope.ts'
import { makeShown } from './shown.ts'
import { settle } from './tickets.ts'
import { finish } from './touched.ts'
import { declareFixed } from './variables.ts'

/** Starts the guest: everything that the host can call in it. Scripts get to see none of it. */
export function boot(functions: HostFunctions, words: ArrayBuffer): object {
  connectHost(functions)
  connectWords(words)
  installPromises()
  installGlobals()
  declareFixed(host.fileName())
  const shown = makeShown(functions)
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
    callbackCount,
    callbackOf,
    isShown,
    shown: (): object => shown,
    resultOf,
    callWithStart,
    callWith,
    clone,
    close,
    settle,
    resume,
    finish,
  }
}

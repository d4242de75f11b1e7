import { javaScriptLoader } from '../javascript/javascript-plugin.ts'
import { pipyJsLoader } from '../pipyjs/pipyjs-plugin.ts'
import { libraryFunctions } from '../pipyjs/session/library/library.ts'
import { createGuestSession } from '../pipyjs/session/session.ts'
import type { PluginLoaders } from './roster.ts'
import type { SandboxCode } from './sandbox-code.ts'

/** Who runs which language. */
export function makeLoaders({ engine, javaScript }: SandboxCode): PluginLoaders {
  return {
    pipyjs: pipyJsLoader((spec, host, quotas) => {
      const functions = libraryFunctions(spec, host, quotas)
      return createGuestSession(spec, engine, { ...host, functions })
    }),
    javascript: javaScriptLoader(engine, javaScript),
  }
}

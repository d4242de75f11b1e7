import { type GuestSources, loadGuestSources } from '../javascript/guest-sources.ts'
import { javaScriptLoader } from '../javascript/javascript-plugin.ts'
import { pipyJsLoader } from '../pipyjs/pipyjs-plugin.ts'
import { libraryFunctions } from '../pipyjs/session/library/library.ts'
import { createGuestSession } from '../pipyjs/session/session.ts'
import type { EngineCode } from '../quickjs/contract.ts'
import { loadEngineCode } from '../quickjs/engine-code.ts'
import type { PluginLoaders } from './roster.ts'

/** All that is needed to run plugins, made once in a process; can be posted to workers. */
export interface SandboxCode {
  readonly engine: EngineCode
  readonly javaScript: GuestSources
}

/** Reads and compiles it, in some 150 ms. Rejects with one clear line. */
export async function loadSandboxCode(): Promise<SandboxCode> {
  const [engine, javaScript] = await Promise.all([loadEngineCode(), loadGuestSources()])
  return { engine, javaScript }
}

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

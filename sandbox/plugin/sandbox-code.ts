import { type GuestSources, loadGuestSources } from '../javascript/guest-sources.ts'
import type { EngineCode } from '../quickjs/contract.ts'
import { loadEngineCode } from '../quickjs/engine-code.ts'

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

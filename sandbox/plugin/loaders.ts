import type { Log } from '../../chains/context.ts'
import { javaScriptLoader } from '../javascript/javascript-plugin.ts'
import { pipyJsLoader } from '../pipyjs/pipyjs-plugin.ts'
import { libraryFunctions } from '../pipyjs/session/library/library.ts'
import { createGuestSession } from '../pipyjs/session/session.ts'
import type { SharedSeat } from '../wasm/shared/home.ts'
import type { PluginLoader } from './contract.ts'
import type { PluginLoaders } from './roster.ts'
import type { SandboxCode } from './sandbox-code.ts'

/** Who runs which language: scripts, when there is `code` for them, and modules, by the loader of {@link makeWasmLoader}. */
export function makeLoaders(code: SandboxCode | null, wasm: PluginLoader | null = null): PluginLoaders {
  return { ...(code && scriptLoaders(code)), ...(wasm && { wasm }) }
}

function scriptLoaders({ engine, javaScript }: SandboxCode): PluginLoaders {
  return {
    pipyjs: pipyJsLoader((spec, host, quotas) => {
      const functions = libraryFunctions(spec, host, quotas)
      return createGuestSession(spec, engine, { ...host, functions })
    }),
    javascript: javaScriptLoader(engine, javaScript),
  }
}

/** The loader of WebAssembly plugins: one for a thread, which keeps it from one generation to the next. */
export async function makeWasmLoader(seat: SharedSeat, log: Log): Promise<PluginLoader> {
  // Only here: many workers have no modules.
  const [{ wasmLoader }, { wasmServices }, { httpWasmLoader }, { WorkerSharedState }] = await Promise.all([
    import('../wasm/wasm-plugin.ts'),
    import('../wasm/services.ts'),
    import('../wasm/http-wasm/http-wasm-plugin.ts'),
    import('../wasm/shared/worker-state.ts'),
  ])
  return wasmLoader(wasmServices(new WorkerSharedState(seat, log)), httpWasmLoader())
}

import { PluginFault, type PluginLoader } from '../../plugin/contract.ts'
import { handlerModule } from '../module/host-functions.ts'
import { features } from './exchange.ts'
import { handlerFilter } from './http.ts'
import { GuestPool } from './pool.ts'

/** The loader of WebAssembly modules that were written for the http-wasm handler ABI (`spec.wasm.abi` is `http-wasm`). */
export function httpWasmLoader(): PluginLoader {
  return (spec, host) => {
    const settings = spec.wasm
    if (!settings) throw new PluginFault(spec, null, 'there is no module; a Wasm plugin has one')
    const pool = new GuestPool(spec, settings, host)
    const readsRequests = importsReadBody(settings.module) || (pool.features & features.bufferRequest) !== 0
    const filter = handlerFilter({ spec, host, pool, readsRequests })
    return {
      http: () => filter,
      tcp: () => null,
      usage: () => ({ heapBytes: pool.memoryBytes, exchanges: pool.exchanges }),
      [Symbol.dispose]: () => pool[Symbol.dispose](),
    }
  }
}

/** A guest that may read bodies without saying so beforehand. */
function importsReadBody(module: WebAssembly.Module): boolean {
  return WebAssembly.Module.imports(module).some(
    (entry) => entry.module === handlerModule && entry.name === 'read_body',
  )
}

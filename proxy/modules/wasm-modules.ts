import { homedir } from 'node:os'
import { join } from 'node:path'
import type { WasmCode } from '../../sandbox/wasm/module/compile.ts'
import {
  defaultModuleLimits,
  ModuleRefusal,
  type ModuleRequest,
  type ModuleStoreOptions,
} from './contract.ts'
import type { ModuleStore } from './store.ts'
import { shownUrl } from './urls.ts'

/** WebAssembly modules, compiled. One for a process: what is compiled serves every load that wants the same. */
export class WasmModules {
  readonly #options: ModuleStoreOptions
  #store: Promise<ModuleStore> | null = null
  /** By digest and memory; what the last load but one did not want is gone. */
  #compiled = new Map<string, WasmCode>()
  #before = new Map<string, WasmCode>()
  /** What is under way, so that plugins of one module fetch and compile it once. */
  readonly #loading = new Map<string, Promise<WasmCode>>()

  constructor(options: ModuleStoreOptions) {
    this.#options = options
  }

  /** A load begins: what the one before did not use is let go of. */
  begin(): void {
    this.#before = this.#compiled
    this.#compiled = new Map()
  }

  /**
   * Fetches and compiles a module, some 30 ms for a megabyte, unless it is there. Rejects with a
   * {@link ModuleRefusal} whose line goes behind the place of the URL.
   */
  load(request: ModuleRequest, memoryMiB: number): Promise<WasmCode> {
    const { owner: _, resource: __, ...same } = request
    const key = JSON.stringify([same, memoryMiB])
    const under = this.#loading.get(key)
    if (under) return under
    const loading = this.#load(request, memoryMiB).finally(() => this.#loading.delete(key))
    this.#loading.set(key, loading)
    return loading
  }

  async #load(request: ModuleRequest, memoryMiB: number): Promise<WasmCode> {
    const shown = shownUrl(request.url)
    try {
      const { bytes, digest } = await (await this.#openStore()).fetch(request)
      const key = `${digest} ${memoryMiB}`
      const known = this.#compiled.get(key) ?? this.#before.get(key)
      const code = known ?? (await this.#compile(bytes, memoryMiB))
      this.#compiled.set(key, code)
      return code
    } catch (thrown) {
      if (thrown instanceof ModuleRefusal) throw new ModuleRefusal(`is ${shown}, which ${thrown.message}`)
      throw thrown
    }
  }

  /** Opened for the first module: TLS takes memory, and many sidecars have no modules. */
  #openStore(): Promise<ModuleStore> {
    this.#store ??= import('./store.ts').then(({ ModuleStore }) => new ModuleStore(this.#options))
    return this.#store
  }

  async #compile(bytes: Uint8Array, memoryMiB: number): Promise<WasmCode> {
    // Only here, for the same reason.
    const { compileWasm } = await import('../../sandbox/wasm/module/compile.ts')
    const { WasmRefusal } = await import('../../sandbox/wasm/module/refusal.ts')
    const name = 'cannot be run'
    try {
      return compileWasm(bytes, { name, memoryMiB })
    } catch (thrown) {
      if (thrown instanceof WasmRefusal) throw new ModuleRefusal(thrown.message)
      throw thrown
    }
  }
}

/** What {@link makeModules} takes from a command line and an environment. */
export interface ModuleSettings {
  readonly flags: {
    readonly moduleCache?: string
    readonly registryCredentials?: string
    readonly plainRegistries?: readonly string[]
  }
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The modules of a process, by its flags. */
export function makeModules({ flags, env }: ModuleSettings): WasmModules {
  return new WasmModules({
    cacheFolder: flags.moduleCache ?? userCache(env),
    credentialsFile: flags.registryCredentials ?? null,
    plainRegistries: flags.plainRegistries ?? [],
    limits: defaultModuleLimits,
  })
}

function userCache(env: ModuleSettings['env']): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'pillion', 'modules')
}

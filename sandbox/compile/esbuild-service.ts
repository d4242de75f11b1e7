import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { BuildOptions, BuildResult } from 'esbuild'

type Esbuild = typeof import('esbuild')
/** Options without keys that esbuild does not know, as its own types have it. */
type Exact<Options> = Options & { [Key in Exclude<keyof Options, keyof BuildOptions>]: never }

/**
 * esbuild, which is a process of its own: begun with the first build, ended and
 * awaited by disposing of this. esbuild knows one such process for the whole
 * program, so that only one of these may be in use at a time.
 */
export class EsbuildService implements AsyncDisposable {
  readonly #esbuild: Esbuild
  #process: ChildProcess | null = null

  private constructor(esbuild: Esbuild) {
    this.#esbuild = esbuild
  }

  /** Loads esbuild, which costs some milliseconds; its process comes with the first build. */
  static async load(): Promise<EsbuildService> {
    return new EsbuildService(await import('esbuild'))
  }

  /** Rejects as esbuild does; never settles when it is disposed of meanwhile. */
  build<Options extends BuildOptions>(options: Exact<Options>): Promise<BuildResult<Options>> {
    // esbuild shows its process to nobody, and begins it before `build` returns.
    const onProcess = (message: unknown): void => {
      this.#process = (message as { readonly process: ChildProcess }).process
    }
    subscribe('child_process', onProcess)
    try {
      return this.#esbuild.build(options)
    } finally {
      unsubscribe('child_process', onProcess)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ending = this.#process
    this.#process = null
    await this.#esbuild.stop()
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
    ending.ref()
    await once(ending, 'exit')
  }
}

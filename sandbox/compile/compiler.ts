import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BuildOptions, BuildResult, Message } from 'esbuild'
import { EsbuildService } from './esbuild-service.ts'
import { importWall, loaders } from './import-wall.ts'
import { entryName, renameSources } from './source-map.ts'

/** The text of a plugin in JavaScript or TypeScript, and where it came from. */
export interface PluginText {
  readonly text: string
  readonly language: 'javascript' | 'typescript'
  /** Stands for the text in faults, positions and the source map. */
  readonly file: string
  /** Where its imports are looked for; null when it may have none. */
  readonly folder: string | null
}

/** What a sandbox can run: one ES module without imports that has a default export. */
export interface CompiledPlugin {
  readonly source: string
  /** Source map (version 3, JSON), or null when the source is the text as its author wrote it. */
  readonly sourceMap: string | null
  /** The author's other files that went into it; packages are left out. */
  readonly files: readonly string[]
}

/** One thing that is wrong with a plugin. Lines and columns count from 1, within its text; 0 for the whole. */
export interface CompileFault {
  /** {@link PluginText.file}, or the path of an imported file. */
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** A compiled plugin, or all that is wrong with it. */
export type CompileResult =
  | { readonly ok: true; readonly plugin: CompiledPlugin }
  | { readonly ok: false; readonly faults: readonly CompileFault[] }

/** How large a compiled plugin may be, in characters, and how long compiling may take. */
export interface CompileLimits {
  readonly maxLength: number
  readonly maxMs: number
}

const usualLimits: CompileLimits = { maxLength: 4 * 1024 * 1024, maxMs: 30_000 }

/**
 * Turns plugins into modules that a sandbox can run: strips types and bundles
 * imports. For the main thread, and one at a time: it starts esbuild, a
 * process of its own, with the first plugin. Disposing of it ends that.
 */
export class PluginCompiler implements AsyncDisposable {
  readonly #limits: CompileLimits
  #esbuild: EsbuildService | null = null

  constructor(limits: Partial<CompileLimits> = {}) {
    this.#limits = { ...usualLimits, ...limits }
  }

  /** Compiles one plugin. Never rejects for what is wrong with it. */
  async compile(text: PluginText): Promise<CompileResult> {
    this.#esbuild ??= await EsbuildService.load()
    const done = new AbortController()
    try {
      return await Promise.race([this.#build(text, this.#esbuild), this.#tooLate(text, done.signal)])
    } finally {
      done.abort()
    }
  }

  async #build(text: PluginText, esbuild: EsbuildService): Promise<CompileResult> {
    try {
      return this.#finish(text, await esbuild.build(optionsOf(text)))
    } catch (thrown) {
      return { ok: false, faults: faultsOf(text, thrown) }
    }
  }

  async #tooLate(text: PluginText, signal: AbortSignal): Promise<CompileResult> {
    const { maxMs } = this.#limits
    await sleep(maxMs, null, { signal })
    await this[Symbol.asyncDispose]()
    return refused(text, `took more than ${maxMs} ms to compile`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#esbuild?.[Symbol.asyncDispose]()
  }

  #finish(text: PluginText, result: Bundle): CompileResult {
    const [output] = Object.values(result.metafile.outputs).filter(({ entryPoint }) => entryPoint)
    if (!output?.exports.includes('default')) {
      return refused(text, 'exports no plugin: expected `export default { onRequest(request, cx) { … } }`')
    }
    const inputs = Object.entries(result.metafile.inputs)
    const isAlone = inputs.every(([path, { imports }]) => path === entryName && imports.length === 0)
    const compiled = result.outputFiles.find(({ path }) => !path.endsWith('.map'))?.text ?? ''
    const map = result.outputFiles.find(({ path }) => path.endsWith('.map'))?.text ?? '{}'
    const isPlain = isAlone && text.language === 'javascript'
    const source = isPlain ? text.text : compiled
    if (source.length > this.#limits.maxLength) {
      const { maxLength } = this.#limits
      return refused(
        text,
        `is too large with its imports: ${source.length} of at most ${maxLength} characters`,
      )
    }
    const sourceMap = isPlain ? null : renameSources(map, (path) => nameOf(text, path))
    return { ok: true, plugin: { source, sourceMap, files: ownFiles(text, inputs) } }
  }
}

type Bundle = BuildResult<ReturnType<typeof optionsOf>>

const refused = ({ file }: PluginText, message: string): CompileResult => ({
  ok: false,
  faults: [{ file, line: 0, column: 0, message }],
})

function optionsOf({ text, language, folder }: PluginText) {
  const directory = resolve(folder ?? '.')
  return {
    stdin: {
      contents: text,
      sourcefile: entryName,
      loader: language === 'typescript' ? 'ts' : 'js',
      ...(folder === null ? {} : { resolveDir: directory }),
    },
    absWorkingDir: directory,
    // never written; the source map needs a place to be relative to
    outfile: join(directory, 'plugin.js'),
    write: false,
    bundle: true,
    metafile: true,
    sourcemap: 'external',
    sourcesContent: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['module', 'import'],
    target: 'es2023',
    charset: 'utf8',
    legalComments: 'none',
    loader: { ...loaders },
    // what happens to lie in the folder must not change what a plugin means
    tsconfigRaw: '{}',
    logLevel: 'silent',
    plugins: [importWall],
  } as const satisfies BuildOptions
}

/** The path of an input, or the name of the plugin itself, in place of what esbuild calls it. */
function nameOf({ file, folder }: PluginText, path: string): string {
  return path === entryName ? file : join(folder ?? '.', path)
}

/** Packages change with their installation, of which nobody tells; the author's files are to be watched. */
function ownFiles(text: PluginText, inputs: readonly (readonly [string, unknown])[]): readonly string[] {
  return inputs
    .map(([path]) => path)
    .filter((path) => path !== entryName && !/(^|[/\\])node_modules[/\\]/.test(path) && !path.includes(':'))
    .map((path) => nameOf(text, path))
}

function faultsOf(text: PluginText, thrown: unknown): readonly CompileFault[] {
  const messages =
    thrown instanceof Error && 'errors' in thrown ? (thrown.errors as readonly Message[]) : null
  if (!messages || messages.length === 0) {
    return [{ file: text.file, line: 0, column: 0, message: `cannot be compiled: ${String(thrown)}` }]
  }
  return messages.map(({ text: message, location }): CompileFault => {
    if (!location) return { file: text.file, line: 0, column: 0, message }
    // esbuild counts bytes
    const before = Buffer.from(location.lineText).subarray(0, location.column).toString()
    return {
      file: nameOf(text, location.file),
      line: location.line,
      column: before.length + 1,
      message,
    }
  })
}

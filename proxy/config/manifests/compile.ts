import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { type CompiledPlugin, type CompileFault, PluginCompiler } from '../../../sandbox/compile/compiler.ts'
import { configLimits } from '../defaults.ts'
import type { Fault } from '../fault.ts'
import type { PluginDefinition } from './definition.ts'

/** A plugin that is ready to be run, as far as can be told without running it; or why it could not be compiled. */
export interface ReadyPlugin {
  readonly definition: PluginDefinition
  readonly version: string
  readonly source: string
  readonly sourceMap: string | null
  /** What its positions are told with: its file, or what its script is called where lines cannot be told. */
  readonly origin: string
  /** Files that it imports. */
  readonly files: readonly string[]
  /** Why it could not be compiled. Its source is then what its author wrote. */
  readonly faults: readonly Fault[]
}

/** Checks and compiles plugins; those that are no scripts at all are reported and left out. */
export async function makeReady(definitions: readonly PluginDefinition[]): Promise<readonly ReadyPlugin[]> {
  await using compiler = new PluginCompiler()
  const ready: ReadyPlugin[] = []
  for (const definition of definitions) {
    if (definition.wasm) {
      ready.push(fetchedLater(definition))
      continue
    }
    if (!isScript(definition)) continue
    const { source, sourceMap, files, faults } = await compiledOf(definition, compiler)
    const version = definition.version ?? createHash('sha256').update(source).digest('hex').slice(0, 12)
    ready.push({ definition, version, source, sourceMap, origin: originOf(definition), files, faults })
  }
  return ready
}

/** Modules are fetched when it is known which of them this sidecar has. */
function fetchedLater(definition: PluginDefinition): ReadyPlugin {
  const { version, file, name } = definition
  const origin = file.endsWith('.wasm') ? file : `${file}#${name}`
  return { definition, version: version ?? '', source: '', sourceMap: null, origin, files: [], faults: [] }
}

function isScript({ text, report, paths }: PluginDefinition): boolean {
  if (text.trim() === '') report.add(paths.text, 'is empty: expected a script')
  else if (text.length > configLimits.maxScriptLength) {
    const { maxScriptLength } = configLimits
    report.add(paths.text, `is too long: ${text.length} of at most ${maxScriptLength} characters`)
  } else return true
  return false
}

const originOf = ({ file, name, textPlace }: PluginDefinition): string =>
  textPlace ? file : `${file}#${name}`

async function compiledOf(
  definition: PluginDefinition,
  compiler: PluginCompiler,
): Promise<CompiledPlugin & Pick<ReadyPlugin, 'faults'>> {
  const { text, language, file } = definition
  // a line for the shell is a comment of the same length, so that places stay
  const asWritten = { source: text.replace(/^#!/, '//'), sourceMap: null, files: [] }
  if (language === 'pipyjs' || language === 'wasm') return { ...asWritten, faults: [] }
  const origin = originOf(definition)
  const result = await compiler.compile({ text, language, file: origin, folder: dirname(file) })
  if (result.ok) return { ...result.plugin, faults: [] }
  // Not with the faults of the config: a stand-in may act for a plugin that cannot be loaded.
  const report = definition.report.aside()
  for (const fault of result.faults) reportFault({ ...definition, report }, fault, origin)
  const { faults } = report.verdict()
  // an imported file that is at fault, or that is not there yet, may be made good
  return { ...asWritten, files: faults.map((fault) => fault.file).filter((name) => name !== file), faults }
}

function reportFault(definition: PluginDefinition, fault: CompileFault, origin: string): void {
  const { report, paths, textPlace, file } = definition
  const { line, column, message } = fault
  if (fault.file !== origin) report.addLoose({ file: fault.file, line, column, path: '', message })
  else if (line === 0) report.add(paths.text, message)
  else if (textPlace) {
    const { lineOffset, columnOffset } = textPlace
    report.addLoose({ file, line: line + lineOffset, column: column + columnOffset, path: '', message })
  } else report.add(paths.text, `line ${line}, column ${column} of the script: ${message}`)
}

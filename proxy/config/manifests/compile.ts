import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { type CompiledPlugin, type CompileFault, PluginCompiler } from '../../../sandbox/compile/compiler.ts'
import { configLimits } from '../defaults.ts'
import type { PluginDefinition } from './definition.ts'

/** A plugin that is ready to be run, as far as can be told without running it. */
export interface ReadyPlugin {
  readonly definition: PluginDefinition
  readonly version: string
  readonly source: string
  readonly sourceMap: string | null
  /** What its positions are told with: its file, or what its script is called where lines cannot be told. */
  readonly origin: string
  /** Files that it imports. */
  readonly files: readonly string[]
}

/** Checks and compiles plugins; those that are at fault are reported and left out. */
export async function makeReady(definitions: readonly PluginDefinition[]): Promise<readonly ReadyPlugin[]> {
  await using compiler = new PluginCompiler()
  const ready: ReadyPlugin[] = []
  for (const definition of definitions) {
    if (!isScript(definition)) continue
    const compiled = await compiledOf(definition, compiler)
    if (!compiled) continue
    const { source, sourceMap, files } = compiled
    const version = definition.version ?? createHash('sha256').update(source).digest('hex').slice(0, 12)
    ready.push({ definition, version, source, sourceMap, origin: originOf(definition), files })
  }
  return ready
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
): Promise<CompiledPlugin | null> {
  const { text, language, file } = definition
  if (language === 'pipyjs') return { source: text, sourceMap: null, files: [] }
  const origin = originOf(definition)
  const result = await compiler.compile({ text, language, file: origin, folder: dirname(file) })
  if (result.ok) return result.plugin
  for (const fault of result.faults) reportFault(definition, fault, origin)
  return null
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

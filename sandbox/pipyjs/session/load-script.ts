import type { PluginSpec } from '../../../chains/plugins.ts'
import type { ScriptEngine } from '../../quickjs/contract.ts'
import type { Plan } from '../plan.ts'
import { readPlan } from './plan-reader.ts'
import { Positions } from './positions.ts'

/** Opens the scopes in which the script's names are looked up, from the outside in. */
const prefix = 'with(__scope__)with(__scope__)with(__scope__){'
const suffix = '\n}'

/** What `__filename` says. */
export function fileNameOf(spec: PluginSpec): string {
  return `/plugins/${spec.name}.js`
}

/** Where in the author's file things are, for a script that is loaded by {@link loadScript}. */
export function positionsOf(spec: PluginSpec): Positions {
  return new Positions(spec, fileNameOf(spec), prefix.length)
}

/**
 * Evaluates a script and reads what it has recorded. Its text is parsed by
 * itself first: what is a whole script cannot end the braces that are put
 * around it. Throws an `EngineError` or a `PluginFault`.
 */
export function loadScript(engine: ScriptEngine, spec: PluginSpec, positions: Positions): Plan {
  const file = fileNameOf(spec)
  // Only at the very beginning of a file is this a comment.
  const source = spec.source.replace(/^#!/, '//')
  // With spaces for what will stand before it, so that places are alike.
  engine.evaluate(' '.repeat(prefix.length) + source, file, null, true)
  engine.call(engine.entry('prepare'), [JSON.stringify(probedNames(source))])
  engine.evaluate(`${prefix}${source}${suffix}`, file, engine.entry('received'))
  return readPlan(String(engine.call(engine.entry('plan'), [])), positions)
}

/** Names whose type is asked for: that must not throw, though reading an undeclared name does. */
function probedNames(source: string): string[] {
  const found = source.matchAll(/\btypeof\s*\(?\s*([A-Za-z_$][\w$]*)/g)
  return [...new Set([...found].map((match) => match[1] as string))]
}

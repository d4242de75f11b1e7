import type { DirectionRules, Model } from '../chains/model.ts'
import { type Fault, formatFault } from '../proxy/config/fault.ts'
import { loadConfig } from '../proxy/config/load.ts'
import type { Settings } from '../proxy/config/settings.ts'
import { type Command, exitCodes } from './command.ts'
import { configOptions, loadOptionsOf } from './config-options.ts'

/** `pillion validate`: checks what `pillion run` would be given, and runs nothing. */
export const validateCommand: Command = {
  name: 'validate',
  summary: 'check a config without running it',
  details: [
    'Takes the same options as run, and loads every plugin as run would.',
    'Exits with 0, or with 1 and every fault as file:line:column. Warnings are for the eye, unless --strict is given.',
  ],
  options: {
    ...configOptions,
    strict: { value: null, help: 'take warnings for faults: exit with 1 when there are any' },
    output: { short: 'o', value: 'FORMAT', choices: ['text', 'json'], help: 'text or json' },
  },
  async run(values) {
    const options = loadOptionsOf(values)
    const isJson = values.get('output')?.[0] === 'json'
    const loaded = await loadConfig(options)
    const faults = loaded.ok ? await pluginFaults(loaded.settings) : loaded.faults
    const { warnings } = loaded.ok ? loaded.settings : loaded
    if (!isJson) {
      for (const warning of warnings) console.error(`warning: ${formatFault(warning)}`)
      for (const fault of faults) console.error(formatFault(fault))
    }
    const isWell = loaded.ok && faults.length === 0 && (warnings.length === 0 || !values.has('strict'))
    if (!isWell) {
      if (isJson) printJson({ ok: false, faults: faults.map(described), warnings: warnings.map(described) })
      return exitCodes.refused
    }
    const found = countOf(loaded.settings.model)
    if (isJson) {
      printJson({ ok: true, found, warnings: warnings.map(described) })
      return exitCodes.well
    }
    const words = Object.entries(found).map(([what, count]) => `${count} ${count === 1 ? what : `${what}s`}`)
    console.log(`${options.configFile ?? 'command line'}: ${words.join(', ')}`)
    return exitCodes.well
  },
}

/** What runs plugins takes longer to load than all the rest, so that it is left out where there are none. */
async function pluginFaults({ model, faultyPlugins }: Settings): Promise<readonly Fault[]> {
  const uncompiled = faultyPlugins.flatMap(({ faults }) => faults)
  if (model.plugins.length === 0) return uncompiled
  const { tryPlugins } = await import('../proxy/plugin-trial.ts')
  return [...uncompiled, ...(await tryPlugins(model))]
}

const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2))

const described = ({ file, line, column, resource, path, message }: Fault) => ({
  ...(resource === undefined ? {} : { resource }),
  file,
  line,
  column,
  path,
  reason: message,
})

/** How much of everything a model holds, by the singular of its name. */
function countOf(model: Model): Readonly<Record<string, number>> {
  const directions: readonly DirectionRules[] = [model.inbound, model.outbound]
  const services = new Set(
    directions.flatMap(({ ports }) =>
      ports.flatMap(({ http }) => Object.values(http?.hosts ?? {}).map(({ service }) => service)),
    ),
  )
  const clusters = directions.flatMap((rules) => Object.values(rules.clusters))
  return {
    listener: model.listeners.length,
    port: directions.reduce((sum, { ports }) => sum + ports.length, 0),
    service: services.size,
    route: [...services].reduce((sum, { routes }) => sum + routes.length, 0),
    cluster: clusters.length,
    endpoint: clusters.reduce((sum, { endpoints }) => sum + endpoints.length, 0),
    plugin: model.plugins.length,
  }
}

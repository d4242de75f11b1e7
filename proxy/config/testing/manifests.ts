import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ChainName, Model } from '../../../chains/model.ts'
import { type Fault, formatFault } from '../fault.ts'
import { loadConfig } from '../load.ts'
import type { ConfigFlags } from '../settings.ts'
import type { Outcome } from './config-file.ts'

/** Files by their names, `sidecar.yaml` or `config.json` among them if there is a config of its own. */
export type Files = Readonly<Record<string, string>>

/** A sidecar with one inbound and one outbound service, HTTP and TCP. */
export const sidecar = `
sidecar: { name: shop-1, namespace: demo, labels: { app: shop, tier: web } }
inbound:
  - { name: shop, listen: 127.0.0.1:0, application: 127.0.0.1:8081 }
  - { name: ledger, listen: 127.0.0.1:0, protocol: tcp, application: 127.0.0.1:8082 }
outbound:
  listen: 127.0.0.1:0
  services:
    - { name: stock, endpoints: [127.0.0.1:9001] }
    - { name: bank.money, endpoints: [127.0.0.1:9002], plugins: { cors: { from: service } } }
`

/** The script of a plugin that does nothing. */
export const idle = 'pipy().pipeline().chain()'

/** A Plugin in YAML. `more` are lines of its `spec`, `annotations` in braces. */
export const plugin = (name: string, more = '', annotations = '{}'): string => `
apiVersion: plugin.flomesh.io/v1alpha1
kind: Plugin
metadata: { name: ${name}, annotations: ${annotations} }
spec:
  pipyscript: "${idle}"
${more.replace(/^/gm, '  ')}
---
`

/** A PluginChain in YAML that puts plugins into one chain. */
export const pluginChain = (chain: string, plugins: readonly string[], selectors = '{}'): string => `
apiVersion: plugin.flomesh.io/v1alpha1
kind: PluginChain
metadata: { name: ${chain}-${plugins.join('-')}, namespace: demo }
spec:
  chains: [{ name: ${chain}, plugins: [${plugins.join(', ')}] }]
  selectors: ${selectors}
---
`

/** A PluginConfig in YAML. `refs` are its destinationRefs in braces. */
export const pluginConfig = (name: string, plugin: string, refs: string, config: string): string => `
apiVersion: plugin.flomesh.io/v1alpha1
kind: PluginConfig
metadata: { name: ${name}, namespace: demo }
spec: { plugin: ${plugin}, destinationRefs: [${refs}], config: ${config} }
---
`

/**
 * Loads a config with the files of a folder that is gone afterwards. `-f` is
 * the file `plugins.yaml` if there is one and nothing else is asked for. A
 * plugin that cannot be compiled is a fault. In what was found the folder's
 * path is left out.
 */
export async function loadFiles(files: Files, flags: ConfigFlags = {}): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-manifests-'))
  const printed = (fault: Fault) => formatFault(fault).replaceAll(`${folder}/`, '')
  const all =
    'sidecar.yaml' in files || 'config.json' in files ? files : { 'sidecar.yaml': sidecar, ...files }
  try {
    for (const [name, text] of Object.entries(all)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
    const configFile = join(folder, 'config.json' in files ? 'config.json' : 'sidecar.yaml')
    const manifests = flags.manifests ?? ('plugins.yaml' in files ? ['plugins.yaml'] : [])
    const inFolder = {
      ...flags,
      manifests: manifests.map((path) => join(folder, path)),
      ...(flags.labelsFile === undefined ? {} : { labelsFile: join(folder, flags.labelsFile) }),
    }
    const loaded = await loadConfig({ configFile, flags: inFolder, env: {} })
    if (!loaded.ok) return { settings: null, faults: loaded.faults.map(printed), warnings: [] }
    const { settings } = loaded
    const uncompiled = settings.faultyPlugins.flatMap(({ faults }) => faults.map(printed))
    if (uncompiled.length > 0) return { settings: null, faults: uncompiled, warnings: [] }
    const shown = settings.files.map((file) => file.replace(`${folder}/`, ''))
    return {
      settings: { ...settings, files: shown },
      faults: [],
      warnings: settings.warnings.map(printed),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** As {@link loadFiles}, for what must be accepted without a word. */
export async function modelOf(...args: Parameters<typeof loadFiles>): Promise<Model> {
  const { settings, faults, warnings } = await loadFiles(...args)
  if (!settings || warnings.length > 0) throw new Error([...faults, ...warnings].join('\n'))
  return settings.model
}

/** The steps of a chain in order, without folders and endings. */
export const steps = ({ chains }: Model, chain: ChainName): readonly string[] =>
  chains[chain].map(({ name }) => name.replace(/^modules\/|\.js$/g, ''))

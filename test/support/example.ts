import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Folder, newFolder, runSidecar, type SidecarProcess } from './process.ts'

/** How an example of a plugin is run. */
export interface ExampleOptions {
  /** The config in the example's folder; `sidecar.yaml` when not given. */
  readonly config?: string
  readonly env: Readonly<Record<string, string>>
  /** What is put in place of what in the manifests, such as a port. */
  readonly replace?: Readonly<Record<string, string>>
}

/**
 * Runs a sidecar as the README of an example says, `-c CONFIG -f plugins.yaml`,
 * on free ports. Disposing of it ends it.
 */
export async function runExample(folder: URL, options: ExampleOptions): Promise<SidecarProcess> {
  const { config = 'sidecar.yaml', env, replace = {} } = options
  await using stack = new AsyncDisposableStack()
  const changed: Folder = stack.use(await newFolder())
  let manifests = readFileSync(fileURLToPath(new URL('plugins.yaml', folder)), 'utf8')
  for (const [from, to] of Object.entries(replace)) {
    if (!manifests.includes(from)) throw new Error(`there is no ${from} in the manifests`)
    manifests = manifests.replaceAll(from, to)
  }
  const file = await changed.write('plugins.yaml', manifests)
  const text = readFileSync(fileURLToPath(new URL(config, folder)), 'utf8')
  const free = { ADMIN_PORT: '0', INBOUND_PORT: '0', OUTBOUND_PORT: '0' }
  const sidecar = await runSidecar(text, { args: ['-f', file], env: { ...free, ...env } })
  const owned = stack.move()
  return {
    ...sidecar,
    async [Symbol.asyncDispose]() {
      await sidecar[Symbol.asyncDispose]()
      await owned.disposeAsync()
    },
  }
}

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runSidecar, type SidecarProcess } from '../../test/support/process.ts'

/**
 * Runs a sidecar with the `sidecar.yaml` of an example, on free ports, and with the
 * module that stands in its folder. `replace` says what is put in place of what in the config.
 */
export function runExample(
  folder: URL,
  env: Readonly<Record<string, string>>,
  replace: Readonly<Record<string, string>> = {},
): Promise<SidecarProcess> {
  let config = readFileSync(new URL('sidecar.yaml', folder), 'utf8')
  for (const [from, to] of Object.entries(replace)) {
    if (!config.includes(from)) throw new Error(`there is no ${from} in the config`)
    config = config.replaceAll(from, to)
  }
  const withModule = config.replace(/file: (\S+\.wasm)/, (_, name: string) => {
    return `file: ${fileURLToPath(new URL(name, folder))}`
  })
  const free = { ADMIN_PORT: '0', INBOUND_PORT: '0', OUTBOUND_PORT: '0' }
  return runSidecar(withModule, { env: { ...free, ...env } })
}

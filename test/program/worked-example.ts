import { readFile } from 'node:fs/promises'
import type { ProcessOptions } from '../support/process.ts'

/** Where the example's endpoints are on this machine: those it names → those there are. */
export type Places = Readonly<Record<string, string>>

const source = new URL('../../proxy/config/testing/worked-example.json', import.meta.url)

/**
 * FSM's `config.json` of the pod `cart`, with endpoints of this machine. The
 * liveness probe is left out, because it has a port that cannot be chosen.
 * `change` may edit the rest.
 */
export async function workedExample(
  places: Places,
  change: (config: WorkedExample) => void = () => {},
): Promise<string> {
  let text = await readFile(source, 'utf8')
  for (const [from, to] of Object.entries(places)) text = text.replaceAll(`"${from}"`, `"${to}"`)
  const config = JSON.parse(text) as WorkedExample
  delete config.Spec.Probes
  change(config)
  return JSON.stringify(config)
}

/** What tests may change of the example. */
export interface WorkedExample {
  Spec: { Probes?: unknown; Traffic: { EnableEgress: boolean } }
  AllowedEndpoints: Record<string, string>
  Outbound: { ClustersConfigs: Record<string, { Endpoints: Record<string, unknown> }> }
}

/** How the example is started: as the issue has it, on free ports, and as the pod that it is about. */
export function exampleOptions(
  mode: 'header' | 'proxy-protocol',
  ...more: readonly string[]
): ProcessOptions {
  return {
    fileName: 'config.json',
    args: [
      ...['--inbound', '127.0.0.1:0', '--outbound', '127.0.0.1:0', '--original-destination', mode],
      // the example itself asks for errors only, and the tests wait for lines
      ...['--log-level', 'info', '--access-log', '-', ...more],
    ],
    env: {
      POD_NAME: 'cart-0',
      POD_NAMESPACE: 'shop',
      POD_CONTROLLER_KIND: 'Deployment',
      SERVICE_ACCOUNT: 'cart-sa',
    },
  }
}

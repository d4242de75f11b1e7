import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { PluginStatus } from '../../sandbox/plugin/status.ts'
import { type Answered, ask, type Question } from '../support/ask.ts'
import { type Folder, first, newFolder, runSidecar, type SidecarProcess } from '../support/process.ts'

/** A service of the mesh, known by its name as host. */
export interface PodService {
  /** `host:port` of what answers for it. */
  readonly address: string
  /** The config of each plugin, by the plugin's name. */
  readonly plugins?: Readonly<Record<string, unknown>>
}

/** What stands in a pod. */
export interface PodOptions {
  readonly direction: 'inbound' | 'outbound'
  readonly services: Readonly<Record<string, PodService>>
  /** Plugin name → priority: where FSM would mount it among the built-in modules. */
  readonly mounted: Readonly<Record<string, number>>
  /** File name → text; handed over with `-f`. */
  readonly files: Readonly<Record<string, string>>
  /** The built-in modules are left out below this priority. */
  readonly lowest?: number
}

/** A sidecar that has its config as FSM delivers it. Disposing of it ends it. */
export interface Pod extends AsyncDisposable {
  readonly sidecar: SidecarProcess
  /** The folder that `-f` names. */
  readonly scripts: Folder
  /** Asks a service; the host is its name. */
  ask(service: string, path?: string, question?: Question): Promise<Answered>
  /** What a request has to say to get to a service. */
  headersFor(service: string): Record<string, string>
  readonly port: number
  rewrite(options: Partial<PodOptions>): Promise<void>
  plugin(name: string): Promise<PluginStatus | undefined>
  /** Asserts that no exchange is left in any plugin. */
  assertIdle(t: Test): Promise<void>
}

const modules = {
  inbound: {
    170: 'inbound-http-routing',
    160: 'inbound-metrics-http',
    120: 'inbound-throttle-route',
    110: 'inbound-http-load-balancing',
    100: 'inbound-http-default',
  },
  outbound: {
    160: 'outbound-http-routing',
    150: 'outbound-metrics-http',
    120: 'outbound-circuit-breaker',
    110: 'outbound-http-load-balancing',
    100: 'outbound-http-default',
  },
} as const

/** Starts a pod whose `config.json` names the plugins, with the scripts in a folder. */
export async function startPod(options: PodOptions): Promise<Pod> {
  await using stack = new AsyncDisposableStack()
  const scripts = stack.use(await newFolder())
  for (const [name, text] of Object.entries(options.files)) await scripts.write(name, text)
  const listens = ['--inbound', '127.0.0.1:0', '--outbound', '127.0.0.1:0']
  const sidecar = stack.use(
    await runSidecar(configJson(options), {
      fileName: 'config.json',
      args: [...listens, '--original-destination', 'header', '--log-level', 'info', '-f', scripts.path],
    }),
  )
  const owned = stack.move()
  const port = first(sidecar[options.direction])
  const plugins = async () => (await sidecar.show('/plugins')) as readonly PluginStatus[]
  const headersFor = (service: string) => ({
    host: service,
    'x-pillion-original-destination': '10.96.7.7:8080',
  })
  return {
    sidecar,
    scripts,
    port,
    headersFor,
    ask: (service, path = '/', question = {}) =>
      ask(port, path, { ...question, headers: { ...headersFor(service), ...question.headers } }),
    rewrite: (changed) => sidecar.rewrite(configJson({ ...options, ...changed })),
    plugin: async (name) => (await plugins()).find((plugin) => plugin.name === name),
    async assertIdle(t) {
      let inside = Number.NaN
      const look = async () => {
        inside = (await plugins()).reduce((sum, { exchanges }) => sum + exchanges, 0)
      }
      await look()
      for (let tries = 0; tries < 40 && inside > 0; tries += 1) {
        await sleep(50)
        await look()
      }
      t.equal(inside, 0, 'no exchange is left in a plugin')
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** A pod of one service `shop` and one plugin `my-plugin`, which stands before load balancing. */
export function startOne(address: string, script: string, more: Partial<PodOptions> = {}): Promise<Pod> {
  return startPod({
    direction: 'inbound',
    services: { shop: { address, plugins: { 'my-plugin': { word: 'one' } } } },
    mounted: { 'my-plugin': 115 },
    files: { 'my-plugin.js': script },
    ...more,
  })
}

/** A manifest that lies beside these tests, as a file for {@link PodOptions.files}. */
export async function manifest(name: string): Promise<Record<string, string>> {
  return { [`${name}.yaml`]: await readFile(new URL(`./plugins/${name}.yaml`, import.meta.url), 'utf8') }
}

function chainOf({ direction, mounted, lowest = 0 }: PodOptions): string[] {
  const steps: (readonly [priority: number, file: string])[] = [
    ...Object.entries(modules[direction])
      .map(([priority, name]) => [Number(priority), `modules/${name}.js`] as const)
      .filter(([priority]) => priority >= lowest),
    ...Object.entries(mounted).map(([name, priority]) => [priority, `plugins/${name}.js`] as const),
  ]
  return steps.toSorted(([a], [b]) => b - a).map(([, file]) => file)
}

function configJson(options: PodOptions): string {
  const { direction, services } = options
  const isInbound = direction === 'inbound'
  const names = Object.keys(services)
  const clusterOf = (name: string) => `demo/${name}|9000${isInbound ? '|local' : ''}`
  const rules = (name: string) => ({
    RouteRules: [{ Path: '.*', Type: 'Regex', TargetClusters: { [clusterOf(name)]: 100 } }],
    Plugins: services[name]?.plugins,
  })
  const match = {
    Port: isInbound ? 9000 : 8080,
    Protocol: 'http',
    HttpHostPort2Service: Object.fromEntries(names.map((name) => [name, { RuleName: `${name}.demo` }])),
    HttpServiceRouteRules: Object.fromEntries(names.map((name) => [`${name}.demo`, rules(name)])),
  }
  const endpoints = ({ address }: PodService) =>
    isInbound ? { [address]: 100 } : { Endpoints: { [address]: { Weight: 100 } } }
  const clusters = Object.fromEntries(
    Object.entries(services).map(([name, service]) => [clusterOf(name), endpoints(service)]),
  )
  const traffic = {
    TrafficMatches: {
      8080: isInbound ? match : [{ ...match, DestinationIPRanges: { '10.96.7.7/32': null } }],
    },
    ClustersConfigs: clusters,
  }
  return JSON.stringify({
    Ts: '2026-02-10T08:00:00Z',
    Version: '1',
    Metrics: true,
    Spec: {
      ServiceIdentity: 'shop-sa.demo',
      SidecarLogLevel: 'error',
      SidecarTimeout: 60,
      Traffic: {
        EnableEgress: false,
        HTTP1PerRequestLoadBalancing: false,
        HTTP2PerRequestLoadBalancing: true,
      },
      FeatureFlags: { EnableSidecarActiveHealthChecks: false, EnableAutoDefaultRoute: false },
      Probes: {},
      Observability: {},
    },
    Certificate: null,
    Inbound: isInbound ? traffic : null,
    Outbound: isInbound ? null : traffic,
    AllowedEndpoints: { '127.0.0.1': 'test' },
    Chains: { [`${direction}-http`]: chainOf(options) },
  })
}

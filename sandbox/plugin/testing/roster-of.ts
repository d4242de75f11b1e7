import { cluster, modelOf, splitPort, toolsWith } from '../../../chains/balancing/fixtures.ts'
import type { HttpFilter } from '../../../chains/filter.ts'
import type { ChainName, Model, StepConfig } from '../../../chains/model.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import { SharedState } from '../../../chains/shared-state.ts'
import { PluginFault, type PluginHost, type SandboxedPlugin } from '../contract.ts'
import type { Network } from '../network.ts'
import { PluginRoster, type RosterOptions } from '../roster.ts'
import { localKeyValues } from './local-key-value.ts'

const none: Model['chains'] = {
  'inbound-tcp': [],
  'inbound-http': [],
  'outbound-tcp': [],
  'outbound-http': [],
}

/** What was done to the plugins of a test. */
export interface Journal {
  readonly loads: string[]
  readonly disposed: string[]
  readonly hosts: Map<string, PluginHost>
}

/** Loads plugins whose source says what they do: `mark NAME`, `use FILE`, `fault`, `bug`, `idle`. Nothing is disposed of. */
export function rosterOf(
  plugins: readonly PluginSpec[],
  chains: Partial<Record<ChainName, readonly StepConfig[]>>,
  parts: Partial<RosterOptions> = {},
  state = new SharedState(),
) {
  const journal: Journal = { loads: [], disposed: [], hosts: new Map() }
  const tools = toolsWith({}, { state })
  const model = modelOf([cluster('c', ['a:1'])], [splitPort({ c: 1 })], {
    plugins,
    chains: { ...none, ...chains },
  })
  const loaded = PluginRoster.load({
    model,
    loaders: { javascript: (spec, host) => run(spec, host, journal) },
    tools,
    networkOf: (spec) =>
      ({ [Symbol.dispose]: () => void journal.disposed.push(`network ${spec.name}`) }) as Network &
        Disposable,
    keyValueOf: localKeyValues(),
    metrics: {
      open: (plugin) => ({
        metric: () => ({ add() {}, set() {}, observe() {} }),
        [Symbol.dispose]: () => void journal.disposed.push(`metrics ${plugin}`),
      }),
    },
    mayStandIn: () => false,
    breathe: async () => {},
    ...parts,
  })
  return { journal, tools, model, loaded, state }
}

function run(spec: PluginSpec, host: PluginHost, { loads, disposed, hosts }: Journal): SandboxedPlugin {
  const key = `${spec.name} ${spec.version}`
  loads.push(key)
  hosts.set(spec.name, host)
  const [verb, what = ''] = spec.source.split(' ')
  if (verb === 'fault')
    throw new PluginFault(spec, { file: spec.origin, line: 3, column: 7 }, 'foo is not defined')
  if (verb === 'bug') throw new TypeError('a bug of ours')
  const used = verb === 'use' ? host.httpModule(what) : null
  if (verb === 'use' && !used) throw new PluginFault(spec, null, `there is no ${what}`)
  const http: HttpFilter = (request, cx, next) => {
    host.meter.called(0.25, cx)
    if (verb === 'mark') request.headers.append('X-Mark', what)
    return used ? used(request, cx, next) : next(request, cx)
  }
  return {
    http: () => (verb === 'idle' ? null : http),
    tcp: () => null,
    usage: () => ({ heapBytes: 5_000, exchanges: 2 }),
    [Symbol.dispose]: () => void disposed.push(key),
  }
}

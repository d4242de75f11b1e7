import type { Json, Model } from '../../chains/model.ts'
import type { PluginGrants, PluginSpec } from '../../chains/plugins.ts'
import type { NetworkTarget } from './network.ts'

/** Whether a plugin may connect there: `host:port`, either part `*`, IPv6 in brackets. Names are compared as they are written. */
export function mayConnect(grants: PluginGrants, { host, port }: NetworkTarget): boolean {
  return grants.connect.some((grant) => {
    const colon = grant.lastIndexOf(':')
    const [name, number] = colon < 0 ? [grant, '*'] : [grant.slice(0, colon), grant.slice(colon + 1)]
    const bare = name.startsWith('[') ? name.slice(1, -1) : name
    return (
      (bare === '*' || bare.toLowerCase() === host.toLowerCase()) &&
      (number === '*' || Number(number) === port)
    )
  })
}

/** What a plugin may reach: what its policy grants, and what the operator named in its configs, as `host:port` or in a URL. */
export function grantsOf({ name, policy }: PluginSpec, model: Model): PluginGrants {
  const named = new Set<string>(policy.grants.connect)
  for (const config of configsOf(name, model)) collectTargets(config, named)
  return { ...policy.grants, connect: [...named] }
}

/** Reads `host:port`, IPv6 in brackets; null for anything else. */
export function readTarget(text: string): NetworkTarget | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return host !== undefined && port > 0 && port < 65_536 ? { host, port } : null
}

/** How a target is written. */
export function targetText({ host, port }: NetworkTarget): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const usualPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

function configsOf(plugin: string, { inbound, outbound }: Model): Set<Json> {
  const configs = new Set<Json>()
  const add = ({ plugins }: { readonly plugins: Readonly<Record<string, Json>> }): void => {
    if (Object.hasOwn(plugins, plugin)) configs.add(plugins[plugin] as Json)
  }
  for (const { http, tcp } of [...inbound.ports, ...outbound.ports]) {
    if (tcp) add(tcp)
    if (http?.defaultHost) add(http.defaultHost.service)
    for (const { service } of Object.values(http?.hosts ?? {})) add(service)
  }
  return configs
}

function collectTargets(value: Json, into: Set<string>): void {
  if (typeof value === 'string') {
    const target = readTarget(value) ?? targetOfUrl(value)
    if (target) into.add(targetText(target))
  } else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) collectTargets(inner as Json, into)
  }
}

function targetOfUrl(text: string): NetworkTarget | null {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null
  const { protocol, hostname, port } = new URL(text)
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return { host, port: port === '' ? (usualPorts[protocol] as number) : Number(port) }
}

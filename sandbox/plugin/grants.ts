import type { Json, JsonObject, Model } from '../../chains/model.ts'
import type { PluginGrants, PluginSpec } from '../../chains/plugins.ts'
import type { NetworkTarget } from './network.ts'

/** Whether a plugin may connect there: `host:port`, either part `*`, IPv6 in brackets. Names are compared as they are written. */
export function mayConnect({ connect }: Pick<PluginGrants, 'connect'>, target: NetworkTarget): boolean {
  const { host, port } = target
  return connect.some((grant) => {
    const colon = grant.lastIndexOf(':')
    const [name, number] = colon < 0 ? [grant, '*'] : [grant.slice(0, colon), grant.slice(colon + 1)]
    const bare = name.startsWith('[') ? name.slice(1, -1) : name
    return (
      (bare === '*' || bare.toLowerCase() === host.toLowerCase()) &&
      (number === '*' || Number(number) === port)
    )
  })
}

/**
 * What a plugin may reach: what its policy grants. Where that says nothing of
 * connections, they may go where the operator's configs for the plugin name.
 */
export function grantsOf({ name, policy }: PluginSpec, model: Model): PluginGrants {
  const { grants } = policy
  return { ...grants, connect: grants.connect ?? targetsIn(configsOf(name, model)) }
}

/** Reads `host:port`, IPv6 in brackets; null for anything else. */
export function readTarget(text: string): NetworkTarget | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return host !== undefined && isPort(port) ? { host, port } : null
}

/** How a target is written. */
export function targetText({ host, port }: NetworkTarget): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port < 65_536

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

/** Targets that are granted to one plugin at most without being listed. */
const maxNamed = 256
const maxTextLength = 2_048
const usualPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/** The places that configs name: as `10.0.0.7:8080`, as `https://auth/verify`, or as an object with a host and a port. */
function targetsIn(configs: Iterable<Json>): readonly string[] {
  const found = new Set<string>()
  for (const config of configs) collect(config, found)
  return [...found]
}

function collect(value: Json, found: Set<string>): void {
  if (found.size >= maxNamed) return
  const target = typeof value === 'string' ? targetOf(value) : targetOfParts(value)
  if (target) found.add(targetText(target).toLowerCase())
  if (typeof value !== 'object' || value === null) return
  for (const inner of Object.values(value) as Json[]) collect(inner, found)
}

function targetOf(text: string): NetworkTarget | null {
  if (text.length > maxTextLength) return null
  const target = readTarget(text)
  if (target || !/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return target
  const { protocol, hostname, port } = new URL(text)
  const usual = port === '' ? usualPorts[protocol] : port
  return hostname === '' || usual === undefined ? null : readTarget(`${hostname}:${usual}`)
}

function targetOfParts(value: Json): NetworkTarget | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const part = (pattern: RegExp): Json | undefined => {
    const key = Object.keys(value).find((one) => pattern.test(one))
    return key === undefined ? undefined : (value as JsonObject)[key]
  }
  const [host, port] = [part(/^(host|hostname|address|ip)$/i), Number(part(/^port$/i))]
  if (typeof host !== 'string' || !isPort(port)) return null
  return readTarget(host.startsWith('[') ? `${host}:${port}` : targetText({ host, port }))
}

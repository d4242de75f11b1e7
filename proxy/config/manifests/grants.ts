import type { Json, JsonObject } from '../../../chains/model.ts'
import { configLimits } from '../defaults.ts'

/** Targets that are granted to one plugin at most without being listed. */
const maxNamed = 256

/**
 * Where a plugin's configuration says that it goes: texts such as
 * `10.0.0.7:8080` or `https://auth/verify`, and objects with a host and a port.
 */
export function targetsIn(configs: readonly Json[]): readonly string[] {
  const found = new Set<string>()
  for (const config of configs) collect(config, 0, found)
  return [...found]
}

function collect(value: Json, depth: number, found: Set<string>): void {
  if (depth > configLimits.maxDepth || found.size >= maxNamed) return
  if (typeof value === 'string') {
    const target = targetOf(value)
    if (target !== null) found.add(target)
  } else if (typeof value === 'object' && value !== null) {
    const target = Array.isArray(value) ? null : targetOfParts(value as JsonObject)
    if (target !== null) found.add(target)
    for (const item of Object.values(value) as Json[]) collect(item, depth + 1, found)
  }
}

const maxTextLength = 2_048
const usualPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

function targetOf(text: string): string | null {
  if (text.length > maxTextLength) return null
  const plain = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*):([0-9]{1,5})$/.exec(text)
  if (plain) return isPort(Number(plain[2])) ? text.toLowerCase() : null
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return null
  const { protocol, hostname, port } = new URL(text)
  const usual = port || usualPorts[protocol]
  return hostname !== '' && usual ? `${hostname.toLowerCase()}:${usual}` : null
}

function targetOfParts(value: JsonObject): string | null {
  const part = (pattern: RegExp): Json | undefined => {
    const key = Object.keys(value).find((one) => pattern.test(one))
    return key === undefined ? undefined : value[key]
  }
  const host = part(/^(host|hostname|address|ip)$/i)
  const port = Number(part(/^port$/i))
  if (typeof host !== 'string' || !isPort(port)) return null
  return targetOf(host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`)
}

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port <= 65_535

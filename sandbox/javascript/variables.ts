import type { Context } from '../../chains/context.ts'
import type { Json, JsonObject, Model } from '../../chains/model.ts'

/** How `cx.variables` reads. What names something of the config gives a little object with its name. */
const readers: Readonly<Record<string, (cx: Context) => Json | undefined>> = {
  direction: ({ peer }) => peer.direction,
  remoteAddress: ({ peer }) => peer.remoteAddress,
  remotePort: ({ peer }) => peer.remotePort,
  localAddress: ({ peer }) => peer.localAddress,
  localPort: ({ peer }) => peer.localPort,
  protocol: ({ vars }) => vars.protocol,
  isHttp2: ({ vars }) => vars.isHttp2,
  isIngress: ({ vars }) => vars.isIngress,
  isEgress: ({ vars }) => vars.isEgress,
  port: ({ vars: { port } }) => port && { name: port.name, port: port.port, protocol: port.protocol },
  service: ({ vars: { service } }) => service && { name: service.name },
  route: ({ vars: { route } }) => route && { name: route.name },
  cluster: ({ vars: { cluster } }) =>
    cluster && {
      name: cluster.name,
      endpoints: cluster.endpoints.map(({ address, weight }) => ({ address, weight })),
    },
  target: ({ vars }) => vars.target,
}

/** A variable as JSON text; undefined when there is none of that name, or nothing in it. */
export function readVariable(cx: Context, name: string): string | undefined {
  const value = Object.hasOwn(readers, name) ? readers[name]?.(cx) : undefined
  return value === undefined || value === null ? undefined : JSON.stringify(value)
}

/**
 * Reads what a plugin wants a variable to be, and gives what does it. Throws a
 * `TypeError` for what cannot be written, or is not there to be named.
 */
export function writeVariable(cx: Context, model: Model, name: string, json: string): () => void {
  const value = JSON.parse(json) as Json
  if (name === 'cluster') {
    const { clusters } = model[cx.peer.direction]
    const named = typeof value === 'string' ? value : (value as JsonObject | null)?.name
    const cluster = typeof named === 'string' && Object.hasOwn(clusters, named) ? clusters[named] : undefined
    if (!cluster) {
      const known = Object.keys(clusters).slice(0, 20).join(', ')
      throw new TypeError(`there is no cluster ${JSON.stringify(named ?? null)}; there are ${known}`)
    }
    return () => {
      cx.vars.cluster = cluster
    }
  }
  throw new TypeError(`cx.variables.${name} cannot be written; cluster can, with the name of one`)
}

/** The plugin's config for the service or port of an exchange, or null. */
export function configOf({ vars }: Context, plugin: string): Json {
  const plugins = vars.service?.plugins ?? vars.port?.tcp?.plugins
  return plugins && Object.hasOwn(plugins, plugin) ? (plugins[plugin] ?? null) : null
}

/** Numbers for configs, by identity, so that a guest can keep what it made of one. */
export class ConfigNumbers {
  readonly #ids = new Map<Json, number>()
  readonly #texts = new Map<number, string>()

  /** 0 for null. */
  idOf(config: Json): number {
    if (config === null) return 0
    let id = this.#ids.get(config)
    if (id === undefined) {
      id = this.#ids.size + 1
      this.#ids.set(config, id)
      this.#texts.set(id, JSON.stringify(config))
    }
    return id
  }

  textOf(id: number): string {
    return this.#texts.get(id) ?? 'null'
  }
}

import type { DirectionRules, Json, Model } from '../../../chains/model.ts'

/** Objects of the config that scripts must find to be the same wherever they meet them. */
export class ConfigGraph {
  readonly #tokens = new Map<object, number>()
  readonly #objects: object[] = []
  readonly #seen = new Set<object>()

  /** Walks through all that scripts can see of the config: some ten milliseconds for a megabyte of it. */
  constructor(model: Model) {
    this.#visit(model.script)
    for (const rules of [model.inbound, model.outbound]) {
      for (const root of rootsOf(rules)) {
        this.#visit(root)
        // A variable can have it for its value.
        this.#add(root)
      }
    }
    this.#add(model.script)
  }

  /** The token of an object; undefined for one that is always met in the same place, or not in the config. */
  token(object: object): number | undefined {
    return this.#tokens.get(object)
  }

  /** The object of a token. */
  object(token: number): object | undefined {
    return this.#objects[token - 1]
  }

  #add(object: object): void {
    if (this.#tokens.has(object)) return
    this.#objects.push(object)
    this.#tokens.set(object, this.#objects.length)
  }

  #visit(value: Json): void {
    if (typeof value !== 'object' || value === null) return
    if (this.#seen.has(value)) {
      this.#add(value)
      return
    }
    this.#seen.add(value)
    for (const child of Object.values(value)) this.#visit(child)
  }
}

/** The values that variables can have. */
function rootsOf(rules: DirectionRules): Exclude<Json, null | boolean | number | string>[] {
  const ports = rules.ports.flatMap(({ script, http, tcp }) => {
    const entries = http
      ? [...Object.values(http.hosts), ...(http.defaultHost ? [http.defaultHost] : [])]
      : []
    const services = [...new Set(entries.map(({ service }) => service))]
    const ofServices = services.flatMap((service) => [
      service.script,
      service.plugins,
      ...service.routes.map((route) => route.script),
    ])
    return [script, ...(tcp ? [tcp.plugins] : []), ...ofServices]
  })
  return [...ports, ...Object.values(rules.clusters).map(({ script }) => script)]
}

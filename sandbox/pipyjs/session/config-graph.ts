import type { DirectionRules, Json, JsonObject, Model } from '../../../chains/model.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'

/**
 * What one script can see of the config, and which objects of it must be found
 * to be the same wherever the script meets them.
 *
 * Without its `config` grant a plugin sees no secrets, and of the
 * configurations of plugins only its own.
 */
export class ConfigGraph {
  readonly #plugin: string
  readonly #seesAll: boolean
  readonly #tokens = new Map<object, number>()
  readonly #objects: object[] = []
  readonly #seen = new Set<object>()
  /** What a service or a port tells its plugins, by their names. */
  readonly #tellings = new Set<object>()
  readonly #secrets = new Map<object, [string, Json][]>()

  /** Walks through all that the script can see: some ten milliseconds for a megabyte of it. */
  constructor(model: Model, { name, policy }: PluginSpec) {
    this.#plugin = name
    this.#seesAll = policy.grants.config
    for (const { holder, key, value } of this.#seesAll ? model.secrets : []) {
      const others = this.#secrets.get(holder) ?? []
      this.#secrets.set(holder, [...others, [key, value]])
    }
    this.#visit(model.script)
    for (const rules of [model.inbound, model.outbound]) {
      const { objects, tellings } = rootsOf(rules)
      for (const root of tellings) this.#visitTelling(root)
      for (const root of objects) this.#visit(root)
      // A variable can have it for its value.
      for (const root of [...tellings, ...objects]) this.#add(root)
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

  /** What the script sees of an object. */
  entries(object: JsonObject): [string, Json][] {
    const entries = Object.entries(object)
    if (this.#tellings.has(object)) return entries.filter(([plugin]) => plugin === this.#plugin)
    return [...entries, ...(this.#secrets.get(object) ?? [])]
  }

  #add(object: object): void {
    if (this.#tokens.has(object)) return
    this.#objects.push(object)
    this.#tokens.set(object, this.#objects.length)
  }

  #visit(value: Json): void {
    if (typeof value !== 'object' || value === null || this.#isKnown(value)) return
    if (Array.isArray(value)) {
      for (const child of value) this.#visit(child)
      return
    }
    for (const [key, child] of this.entries(value as JsonObject)) {
      if (key === 'Plugins') this.#visitTelling(child)
      else this.#visit(child)
    }
  }

  #visitTelling(value: Json): void {
    if (typeof value !== 'object' || value === null) return
    if (!this.#seesAll) this.#tellings.add(value)
    if (this.#isKnown(value)) return
    // what a plugin calls `Plugins` itself tells nobody anything
    for (const [, child] of this.entries(value as JsonObject)) this.#visitConfig(child)
  }

  #visitConfig(value: Json): void {
    if (typeof value !== 'object' || value === null || this.#isKnown(value)) return
    for (const child of Object.values(value)) this.#visitConfig(child)
  }

  /** Whether an object was met before, which makes it one to be recognised. */
  #isKnown(value: object): boolean {
    if (this.#seen.has(value)) this.#add(value)
    else {
      this.#seen.add(value)
      return false
    }
    return true
  }
}

/** The values that variables can have; `tellings` are those that tell plugins something, by their names. */
function rootsOf(rules: DirectionRules) {
  const objects: JsonObject[] = []
  const tellings: JsonObject[] = []
  for (const { script, http, tcp } of rules.ports) {
    objects.push(script)
    if (tcp) tellings.push(tcp.plugins)
    const entries = http
      ? [...Object.values(http.hosts), ...(http.defaultHost ? [http.defaultHost] : [])]
      : []
    for (const service of new Set(entries.map((entry) => entry.service))) {
      tellings.push(service.plugins)
      objects.push(service.script, ...service.routes.map((route) => route.script))
    }
  }
  objects.push(...Object.values(rules.clusters).map(({ script }) => script))
  return { objects, tellings }
}

import type { Peer } from '../../../chains/context.ts'
import type { Json, JsonObject, Model } from '../../../chains/model.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import { type HostFunction, HostRefusal } from '../../quickjs/contract.ts'
import { ConfigGraph } from './config-graph.ts'

/** Tokens from here on are those of objects that a script made. */
export const ownTokens = 2 ** 40
/** Objects beside the config's, such as connections, that are known at a time. */
const maxPassing = 10_000

/** Objects that scripts get to see, by tokens: positive for the config's, negative for others. */
export class Objects {
  readonly functions: Readonly<Record<string, HostFunction>>
  readonly #spec: PluginSpec
  readonly #model: Model
  /** Made when the script first meets an object of the config. */
  #known: ConfigGraph | null = null
  readonly #passingTokens = new WeakMap<object, number>()
  readonly #passing = new Map<number, object>()
  readonly #peers = new WeakMap<Peer, JsonObject>()
  #lastPassing = 0

  constructor(spec: PluginSpec, model: Model) {
    this.#spec = spec
    this.#model = model
    this.functions = {
      configToken: () => this.token(model.script),
      describe: (call) => this.#describe(call.number(0)),
    }
  }

  /** The token of an object. */
  token(object: object): number {
    return this.#graph.token(object) ?? this.#passingToken(object)
  }

  /** The token of a connection. */
  peerToken(peer: Peer): number {
    let facts = this.#peers.get(peer)
    if (!facts) {
      const { id, localAddress, localPort, remoteAddress, remotePort, destinationAddress, destinationPort } =
        peer
      facts = { id, localAddress, localPort, remoteAddress, remotePort, destinationAddress, destinationPort }
      this.#peers.set(peer, facts)
    }
    return this.#passingToken(facts)
  }

  /** Makes an object known by a token that the guest chose. */
  adopt(object: object, key: number): number {
    this.#remember(ownTokens + key, object)
    return ownTokens + key
  }

  /** The text of the whole config, as far as the script may see it. */
  configText(): string {
    return JSON.stringify(this.#model.script, (_key, value: Json) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(this.#graph.entries(value as JsonObject))
        : value,
    )
  }

  get #graph(): ConfigGraph {
    this.#known ??= new ConfigGraph(this.#model, this.#spec)
    return this.#known
  }

  #passingToken(object: object): number {
    let token = this.#passingTokens.get(object)
    if (token === undefined) {
      this.#lastPassing -= 1
      token = this.#lastPassing
      this.#passingTokens.set(object, token)
    }
    this.#remember(token, object)
    return token
  }

  /** The guest asks at once, or not at all: only the latest need be known. */
  #remember(token: number, object: object): void {
    this.#passing.delete(token)
    this.#passing.set(token, object)
    if (this.#passing.size <= maxPassing) return
    for (const oldest of this.#passing.keys()) {
      this.#passing.delete(oldest)
      break
    }
  }

  #describe(token: number): string {
    // not made for what has nothing to do with the config, such as connections
    const graph = this.#known
    const object = graph?.object(token) ?? this.#passing.get(token)
    if (!object) throw new HostRefusal('this object is not known any more')
    const links: (string | number)[][] = []
    const copy = (value: Json, path: readonly (string | number)[]): Json => {
      if (typeof value !== 'object' || value === null) return value
      const own = path.length > 0 ? graph?.token(value) : undefined
      if (own !== undefined) {
        links.push([...path, own])
        return null
      }
      if (Array.isArray(value)) return value.map((child, index) => copy(child, [...path, index]))
      const entries = graph?.entries(value as JsonObject) ?? Object.entries(value as JsonObject)
      return Object.fromEntries(entries.map(([key, child]) => [key, copy(child, [...path, key])]))
    }
    return JSON.stringify({ value: copy(object as Json, []), links })
  }
}

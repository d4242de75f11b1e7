import type { Model } from '../../../chains/model.ts'
import type { PluginGrants, PluginSpec } from '../../../chains/plugins.ts'
import { grantsOf, mayConnect, targetText } from '../../plugin/grants.ts'
import type { NetworkTarget } from '../../plugin/network.ts'
import { HostRefusal } from '../../quickjs/contract.ts'

/**
 * Where a script may send exchanges: to the endpoints and gateways of the
 * config's clusters, of either direction, and where its plugin may connect to.
 */
export class Reach {
  readonly #spec: PluginSpec
  readonly #model: Model
  /** Both are made when a script first asks; few do. */
  #known: ReadonlySet<string> | null = null
  #grants: PluginGrants | null = null

  constructor(spec: PluginSpec, model: Model) {
    this.#spec = spec
    this.#model = model
  }

  /** Throws a `HostRefusal` for a target that is out of reach. `place` is where the script has named it. */
  check(target: NetworkTarget, place: string): void {
    this.#known ??= addressesOf(this.#model)
    const text = targetText(target)
    if (this.#known.has(text.toLowerCase())) return
    this.#grants ??= grantsOf(this.#spec, this.#model)
    if (mayConnect(this.#grants, target)) return
    throw new HostRefusal(
      `${place}: ${text} is not granted to ${this.#spec.name}: no cluster of the config has it, so its policy needs grants: { connect: ["${text}"] }`,
    )
  }
}

function addressesOf({ inbound, outbound }: Model): ReadonlySet<string> {
  const clusters = [inbound, outbound].flatMap((rules) => Object.values(rules.clusters))
  const addresses = clusters.flatMap(({ endpoints }) =>
    endpoints.flatMap((endpoint) => [targetText(endpoint), endpoint.viaGateway ?? []].flat()),
  )
  return new Set(addresses.map((address) => address.toLowerCase()))
}

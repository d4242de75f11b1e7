import type { Cluster, Json, Model } from '../../../chains/model.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import type { Variables } from '../../../chains/variables.ts'
import type { NetworkTarget } from '../../plugin/network.ts'
import { HostRefusal } from '../../quickjs/contract.ts'
import type { CallingContext } from './calling.ts'
import { clusterFrom, targetFrom } from './clusters.ts'
import { Reach } from './clusters-reach.ts'
import type { Objects } from './objects.ts'

/** A field that a script's variable stands for. */
export type VariableField = keyof Variables | 'plugins'

/** Clusters that one script made, and that are known at a time. */
const maxClusters = 1_000

/** A value that is assigned when the call has ended well. */
interface Pending {
  readonly context: CallingContext
  readonly field: VariableField
  readonly value: Cluster | boolean | string | null
  /** What the guest knows the object by. */
  readonly token: number | null
}

const readOnly: Readonly<Partial<Record<VariableField, string>>> = {
  protocol: 'it is too late to choose another chain',
  port: 'it is too late to choose another port',
  isHttp2: 'it says what the client speaks',
  isIngress: 'it says where the request came from',
  plugins: 'it is the config of the service; use a variable of your own',
}

/** What a script assigns to the variables of the chain: checked at once, and done when the call has ended well. */
export class Assignments {
  readonly #model: Model
  readonly #objects: Objects
  readonly #reach: Reach
  readonly #pending: Pending[] = []
  /** By the keys of the guest's objects; the same text is the same cluster. */
  readonly #byKey = new Map<number, Cluster>()
  readonly #byText = new Map<string, Cluster>()

  constructor(spec: PluginSpec, model: Model, objects: Objects) {
    this.#model = model
    this.#objects = objects
    this.#reach = new Reach(spec, model)
  }

  /** What this call has assigned to a variable; undefined for nothing. */
  pending(context: CallingContext, field: VariableField): Pending | undefined {
    if (this.#pending.length === 0) return undefined
    return this.#pending.findLast((one) => one.context === context && one.field === field)
  }

  /** Assigns a plain value. Refuses what makes no sense. */
  assign(
    context: CallingContext,
    name: string,
    field: VariableField,
    value: null | boolean | number | string,
  ): void {
    const reason = readOnly[field]
    if (reason) throw new HostRefusal(`${name} cannot be assigned to: ${reason}`)
    if (field === 'isEgress') {
      if (typeof value !== 'boolean')
        throw new HostRefusal(`${name} is true or false, and not ${JSON.stringify(value)}`)
    } else if (field === 'target' && value !== null) {
      if (typeof value !== 'string')
        throw new HostRefusal(`${name} is an address such as 10.0.0.1:8080, and not ${JSON.stringify(value)}`)
      const target = targetFrom(value, name)
      if (!isOwnDestination(context, target, this.#model)) this.#reach.check(target, name)
    } else if (value !== null) {
      throw new HostRefusal(`${name} is an object or null, and not ${JSON.stringify(value)}`)
    }
    this.#put({ context, field, value: value as boolean | string | null, token: null })
  }

  /** Assigns an object that was assigned before; false when it is not known. */
  assignKnown(context: CallingContext, name: string, field: VariableField, key: number): boolean {
    checkObject(name, field)
    const cluster = this.#byKey.get(key)
    if (!cluster) return false
    this.#put({ context, field, value: cluster, token: this.#objects.adopt(cluster.script, key) })
    return true
  }

  /** Assigns an object, given as JSON, with the key that it can be assigned by from then on. */
  assignObject(context: CallingContext, name: string, field: VariableField, key: number, json: string): void {
    checkObject(name, field)
    const { direction } = context.cx.peer
    const text = `${direction} ${json}`
    const cluster =
      this.#byText.get(text) ?? clusterFrom(JSON.parse(json) as Json, direction, this.#model, this.#reach)
    this.#byText.set(text, cluster)
    this.#byKey.set(key, cluster)
    dropOldest(this.#byText)
    dropOldest(this.#byKey)
    this.#put({ context, field, value: cluster, token: this.#objects.adopt(cluster.script, key) })
  }

  /** The call has ended well. */
  commit(): void {
    if (this.#pending.length === 0) return
    for (const { context, field, value, token } of this.#pending) {
      const { vars } = context.cx
      if (field === 'cluster') {
        vars.cluster = value as Cluster | null
        context.assigned = value && token !== null ? { cluster: value as Cluster, token } : null
      } else if (field === 'isEgress') vars.isEgress = value as boolean
      else if (field === 'target') vars.target = value as string | null
      else if (field === 'service') vars.service = null
      else if (field === 'route') vars.route = null
    }
    this.rollback()
  }

  /** The call has failed. */
  rollback(): void {
    if (this.#pending.length > 0) this.#pending.length = 0
  }

  /** What was assigned to the same variable before is of no interest any more. */
  #put(assigned: Pending): void {
    const { context, field } = assigned
    const before = this.#pending.findIndex((one) => one.context === context && one.field === field)
    this.#pending.splice(before < 0 ? this.#pending.length : before, 1, assigned)
  }
}

function checkObject(name: string, field: VariableField): void {
  if (field === 'cluster') return
  const reason =
    readOnly[field] ??
    (field === 'service' || field === 'route' ? 'it can only be set to null' : 'it is no object')
  throw new HostRefusal(`${name} cannot be assigned this object: ${reason}`)
}

/** Whether a connection was going there by itself, and may. */
function isOwnDestination({ cx }: CallingContext, { host, port }: NetworkTarget, model: Model): boolean {
  const { direction, destinationAddress, destinationPort } = cx.peer
  const mayLeave = direction === 'outbound' && (cx.vars.port?.tcp?.allowEgress || model.outbound.allowEgress)
  return mayLeave === true && host === destinationAddress && port === destinationPort
}

function dropOldest(map: Map<unknown, unknown>): void {
  if (map.size <= maxClusters) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    break
  }
}

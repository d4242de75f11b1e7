import type { Model } from '../../../chains/model.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import type { PluginHost } from '../../plugin/contract.ts'
import type { HostFunction } from '../../quickjs/contract.ts'
import type { Calling, CallingContext } from './calling.ts'
import { Deposits } from './deposits.ts'
import { ExportedVariables } from './exports.ts'
import { Heads } from './heads.ts'
import { fileNameOf } from './load-script.ts'
import { logFunctions } from './logging.ts'
import { Objects } from './objects.ts'
import { systemFunctions } from './system.ts'
import { textFunctions } from './texts.ts'
import { Timers } from './timers.ts'
import { Variables } from './variables.ts'

/** What a session needs of the world. */
export interface GuestHost extends Pick<PluginHost, 'tools' | 'model' | 'meter'> {
  /** Functions for globals that are made elsewhere, by name. */
  readonly functions?: Readonly<Record<string, HostFunction>>
}

/** What plugins publish for each other, for as long as there is the config that they are in. */
const exportsOf = new WeakMap<Model, ExportedVariables>()

/** All that a guest can call, and what its calls leave behind until they have ended well. */
export class HostSide implements Disposable {
  readonly calling: Calling = { current: null }
  readonly heads = new Heads()
  readonly deposits: Deposits
  readonly exported: ExportedVariables
  readonly functions: Readonly<Record<string, HostFunction>>
  /** Contexts in which something is still to be done, each in a call of its own. */
  readonly deferred: number[] = []
  /** Whether the guest wants to look at something when the call is over. */
  wantsFinish = false
  readonly #variables: Variables
  readonly #timers: Timers

  constructor(
    spec: PluginSpec,
    { tools, model, functions = {} }: GuestHost,
    fire: (ticket: number, context: CallingContext | null) => void,
  ) {
    const { calling } = this
    const objects = new Objects(spec, model)
    this.exported = exportsOf.get(model) ?? new ExportedVariables(model)
    exportsOf.set(model, this.exported)
    this.deposits = new Deposits(this.heads, spec.policy.limits.memoryMiB * 2 ** 20)
    this.#variables = new Variables(spec, calling, model, objects, this.exported)
    this.#timers = new Timers(tools.clock, calling, spec.policy.limits.callMs, fire)
    this.functions = {
      ...this.heads.functions,
      ...this.deposits.functions,
      ...this.#variables.functions,
      ...objects.functions,
      ...this.#timers.functions,
      ...textFunctions,
      ...logFunctions(spec, tools.log, tools.clock, calling),
      ...systemFunctions(spec, fileNameOf(spec), objects),
      ...functions,
      wantFinish: () => {
        const isFirst = !this.wantsFinish
        this.wantsFinish = true
        return isFirst
      },
      defer: (call) => {
        this.deferred.push(call.number(0))
      },
    }
  }

  /** The call has ended well: what it has written takes effect. */
  commit(): void {
    this.calling.current = null
    this.deposits.forgetGiven()
    this.heads.commit()
    this.#variables.commit()
  }

  /** The call has failed: nothing of it is left, but what is deferred. */
  rollback(): void {
    this.calling.current = null
    this.wantsFinish = false
    this.deposits.forgetGiven()
    this.heads.rollback()
    this.#variables.rollback()
    this.deposits.clear()
  }

  [Symbol.dispose](): void {
    this.#timers[Symbol.dispose]()
  }
}

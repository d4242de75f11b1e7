import type { Json, Model } from '../../../chains/model.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import { scriptVariables, type scriptVariables as Table } from '../../../chains/variables.ts'
import { type HostCall, type HostFunction, HostRefusal } from '../../quickjs/contract.ts'
import { Assignments, type VariableField } from './assignments.ts'
import type { Calling, CallingContext } from './calling.ts'
import type { ExportedVariables } from './exports.ts'
import type { Objects } from './objects.ts'

interface ImportedVariable {
  readonly name: string
  readonly field: VariableField
}

interface SharedVariable {
  readonly name: string
  readonly namespace: string
}

/** Variables that one script can import or export. */
const maxVariables = 1_000

/** The variables of others, as a script reads and writes them: of the chain, and of other plugins. */
export class Variables {
  readonly functions: Readonly<Record<string, HostFunction>>
  readonly #plugin: string
  readonly #calling: Calling
  readonly #objects: Objects
  readonly #exported: ExportedVariables
  readonly #assignments: Assignments
  readonly #imported: ImportedVariable[] = []
  readonly #shared: SharedVariable[] = []

  constructor(
    spec: PluginSpec,
    calling: Calling,
    model: Model,
    objects: Objects,
    exported: ExportedVariables,
  ) {
    this.#plugin = spec.name
    this.#calling = calling
    this.#objects = objects
    this.#exported = exported
    this.#assignments = new Assignments(spec, model, objects)
    this.functions = { ...this.#ownFunctions(), ...this.#sharedFunctions() }
  }

  /** The call has ended well: what it assigned takes effect. */
  commit(): void {
    this.#assignments.commit()
  }

  /** Forgets what a call has assigned. */
  rollback(): void {
    this.#assignments.rollback()
  }

  #ownFunctions(): Record<string, HostFunction> {
    return {
      importVariable: (call) => this.#import(call.string(0), call.string(1)),
      variable: (call) => this.#read(this.#variable(call), this.#context()),
      assignPlain: (call) => {
        const { name, field } = this.#variable(call)
        this.#assignments.assign(this.#context(), name, field, plainValue(call, 1))
      },
      assignObject: (call) => {
        const { name, field } = this.#variable(call)
        const context = this.#context()
        const key = call.number(1)
        if (call.isUndefined(2)) return this.#assignments.assignKnown(context, name, field, key)
        this.#assignments.assignObject(context, name, field, key, call.string(2))
        return true
      },
      inbound: () => {
        const { current } = this.#calling
        return current ? this.#objects.peerToken(current.cx.peer) : null
      },
    }
  }

  #sharedFunctions(): Record<string, HostFunction> {
    return {
      exportVariable: (call) => {
        const [name, namespace] = [call.string(0), call.string(1)]
        this.#exported.publish(
          this.#plugin,
          namespace,
          name,
          call.isUndefined(2) ? undefined : call.string(2),
        )
        return this.#share({ name, namespace })
      },
      sharedVersion: (call) => {
        const { name, namespace } = this.#sharedVariable(call)
        return this.#exported.version(this.#context().cx, namespace, name)
      },
      sharedValue: (call) => {
        const { name, namespace } = this.#sharedVariable(call)
        return this.#exported.value(this.#context().cx, namespace, name)
      },
      shareValue: (call) => {
        const { name, namespace } = this.#sharedVariable(call)
        const json = call.isUndefined(1) ? undefined : call.string(1)
        return this.#exported.write(this.#context().cx, namespace, name, json)
      },
    }
  }

  #import(name: string, namespace: string): number {
    const known = Object.hasOwn(scriptVariables, name) ? scriptVariables[name as keyof typeof Table] : null
    if (known && (known.from as readonly string[]).includes(namespace)) {
      if (this.#imported.length >= maxVariables) throw new HostRefusal('too many variables')
      return this.#imported.push({ name, field: known.field }) - 1
    }
    if (this.#exported.isKnown(this.#plugin, namespace, name)) return -this.#share({ name, namespace }) - 1
    throw new HostRefusal(`cannot import variable ${name}: ${reasonFor(name, namespace)}`)
  }

  #share(variable: SharedVariable): number {
    if (this.#shared.length >= maxVariables) throw new HostRefusal('too many variables')
    return this.#shared.push(variable) - 1
  }

  #variable(call: HostCall): ImportedVariable {
    const variable = this.#imported[call.number(0)]
    if (!variable) throw new HostRefusal('there is no such variable')
    return variable
  }

  /** Exported ones count from 0 up, imported ones from −1 down. */
  #sharedVariable(call: HostCall): SharedVariable {
    const index = call.number(0)
    const variable = this.#shared[index < 0 ? -index - 1 : index]
    if (!variable) throw new HostRefusal('there is no such variable')
    return variable
  }

  #context(): CallingContext {
    const { current } = this.#calling
    if (!current) throw new HostRefusal('there is no exchange here')
    return current
  }

  #read({ field }: ImportedVariable, context: CallingContext): null | boolean | number | string {
    const { vars } = context.cx
    const pending = this.#assignments.pending(context, field)
    if (pending) return pending.token ?? this.#plainOrToken(pending.value as Json)
    if (field === 'cluster') {
      if (context.assigned && context.assigned.cluster === vars.cluster) return context.assigned.token
      return this.#plainOrToken(vars.cluster?.script ?? null)
    }
    if (field === 'plugins')
      return this.#plainOrToken(vars.service?.plugins ?? vars.port?.tcp?.plugins ?? null)
    if (field === 'service' || field === 'route' || field === 'port')
      return this.#plainOrToken(vars[field]?.script ?? null)
    return vars[field] as null | boolean | string
  }

  #plainOrToken(value: Json): null | boolean | number | string {
    return typeof value === 'object' && value !== null ? this.#objects.token(value) : value
  }
}

/** A plain value as the guest gave it. */
function plainValue(call: HostCall, index: number): null | boolean | number | string {
  const number = call.number(index)
  if (!Number.isNaN(number)) return number
  if (call.boolean(index)) return true
  try {
    return call.string(index)
  } catch {
    return null
  }
}

function reasonFor(name: string, namespace: string): string {
  if (Object.hasOwn(scriptVariables, name)) {
    const { from } = scriptVariables[name as keyof typeof Table]
    return `it is not in '${namespace}', but in ${from.map((one) => `'${one}'`).join(', ')}`
  }
  const inNamespace = Object.entries(scriptVariables).filter(([, { from }]) =>
    (from as readonly string[]).includes(namespace),
  )
  if (inNamespace.length === 0) return `no module exports '${namespace}'`
  return `'${namespace}' has ${inNamespace.map(([known]) => known).join(', ')}, and no such variable`
}

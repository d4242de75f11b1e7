import type { Context } from '../../../chains/context.ts'
import type { Model } from '../../../chains/model.ts'
import { HostRefusal } from '../../quickjs/contract.ts'

/** Variables that one generation of plugins can publish. */
const maxExports = 1_000
/** Characters of one published value. */
const maxLength = 262_144

/** A value of a published variable in one exchange, and how often it was written. */
interface Cell {
  version: number
  json: string | undefined
}

interface Exported {
  readonly owner: string
  readonly initial: string | undefined
}

/**
 * What plugins publish for each other with `export()`. Values cross as JSON;
 * there is one cell for each exchange, and a clone begins with a copy.
 */
export class ExportedVariables {
  readonly #model: Model
  readonly #exported = new Map<string, Exported>()
  readonly #cells = new WeakMap<Context, Map<string, Cell>>()

  constructor(model: Model) {
    this.#model = model
  }

  /** Publishes a variable. Refuses what another plugin publishes. */
  publish(owner: string, namespace: string, name: string, initial: string | undefined): void {
    const key = keyOf(namespace, name)
    const other = this.#exported.get(key)?.owner ?? owner
    if (other !== owner) {
      throw new HostRefusal(
        `duplicated variable exporting name: ${name} of '${namespace}' is exported by plugin ${other}`,
      )
    }
    if (this.#exported.size >= maxExports)
      throw new HostRefusal(`plugins can export ${maxExports} variables, and no more`)
    this.#exported.set(key, { owner, initial: checked(name, initial) })
  }

  /** Whether some plugin publishes a variable, or will when it is loaded. */
  isKnown(importer: string, namespace: string, name: string): boolean {
    if (this.#exported.has(keyOf(namespace, name))) return true
    const mention = new RegExp(`export\\s*\\(\\s*(['"\`])${namespace.replace(/\W/g, '\\$&')}\\1`)
    return this.#model.plugins.some(
      (spec) => spec.name !== importer && mention.test(spec.source) && spec.source.includes(name),
    )
  }

  /** How often a variable has been written in an exchange; 0 is not yet. */
  version(cx: Context, namespace: string, name: string): number {
    return this.#cells.get(cx)?.get(keyOf(namespace, name))?.version ?? 0
  }

  /** The value of a variable, as JSON. */
  value(cx: Context, namespace: string, name: string): string | undefined {
    const key = keyOf(namespace, name)
    const cell = this.#cells.get(cx)?.get(key)
    return cell ? cell.json : this.#exported.get(key)?.initial
  }

  /** Writes a variable; its new version. */
  write(cx: Context, namespace: string, name: string, json: string | undefined): number {
    let cells = this.#cells.get(cx)
    if (!cells) {
      cells = new Map()
      this.#cells.set(cx, cells)
    }
    const key = keyOf(namespace, name)
    const version = (cells.get(key)?.version ?? 0) + 1
    cells.set(key, { version, json: checked(name, json) })
    return version
  }

  /** A clone begins with what its origin has. */
  copy(from: Context, to: Context): void {
    const cells = this.#cells.get(from)
    if (!cells || from === to) return
    this.#cells.set(to, new Map([...cells].map(([key, cell]) => [key, { ...cell }])))
  }
}

function keyOf(namespace: string, name: string): string {
  return JSON.stringify([namespace, name])
}

function checked(name: string, json: string | undefined): string | undefined {
  if (json === undefined || json.length <= maxLength) return json
  throw new HostRefusal(
    `${name} is ${json.length} characters of JSON; an exported variable can have ${maxLength}`,
  )
}

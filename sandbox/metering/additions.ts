import type { Indexes } from './indexes.ts'
import { functionForm } from './types.ts'
import { Writer } from './writer.ts'

/** A function that metering adds behind those of the module. */
interface Helper {
  readonly type: number
  /** With its declaration of locals. */
  readonly body: readonly number[]
}

/** The types and functions that metering adds to a module, each once. */
export class Additions {
  readonly #types: Uint8Array[] = []
  readonly #typeNumbers = new Map<string, number>()
  readonly #helpers: Helper[] = []
  readonly #helperNumbers = new Map<string, number>()
  readonly #firstType: number
  readonly #firstHelper: number

  constructor(types: number, { functions, shift }: Indexes) {
    this.#firstType = types
    this.#firstHelper = functions + shift
  }

  get types(): readonly Uint8Array[] {
    return this.#types
  }

  get helpers(): readonly Helper[] {
    return this.#helpers
  }

  /** The index of a type of function, whose parameters and results are given as they are written. */
  type(parameters: readonly (readonly number[])[], results: readonly (readonly number[])[]): number {
    const writer = new Writer(16)
    writer.byte(functionForm)
    for (const list of [parameters, results]) {
      writer.u32(list.length)
      writer.append(Uint8Array.from(list.flat()))
    }
    const bytes = writer.written
    return numbered(this.#typeNumbers, bytes.join(), this.#firstType, () => this.#types.push(bytes))
  }

  /** The index of a helper; it is made by the first who asks for one of that key. */
  helper(key: string, make: () => Helper): number {
    return numbered(this.#helperNumbers, key, this.#firstHelper, () => this.#helpers.push(make()))
  }
}

function numbered(numbers: Map<string, number>, key: string, first: number, add: () => void): number {
  const known = numbers.get(key)
  if (known !== undefined) return known
  const index = first + numbers.size
  numbers.set(key, index)
  add()
  return index
}

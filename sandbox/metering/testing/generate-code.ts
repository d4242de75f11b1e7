import type { Random } from '../../../test/fuzz/random.ts'
import { signed, unsigned } from '../writer.ts'
import { conversions, type NumberType, numberTypes, oneOperand, twoOperands } from './arithmetic.ts'

/** The type of a generated function. */
export interface Signature {
  readonly parameters: readonly NumberType[]
  readonly result: NumberType
}

/** What generated code can name. */
export interface Surroundings {
  /** With the imported `log`, which is the first. */
  readonly functions: readonly Signature[]
  readonly hasLegacyExceptions: boolean
}

const i32 = 0x7f
const i64 = 0x7e
const f32 = 0x7d
const noType = 0x40
const end = 0x0b

/** The mutable i32 global that is counted down by loops and calls, so that everything ends. */
export const budgetGlobal = 0

/** A label that can be jumped to: what it takes, or null for a loop, which is not jumped to at random. */
type Label = { readonly takes: NumberType | null; readonly isLoop: boolean }

/** Writes the code of one function: code that ends, with every kind of structure that metering looks at. */
export class CodeGenerator {
  readonly #random: Random
  readonly #surroundings: Surroundings
  readonly #result: NumberType
  readonly locals: NumberType[]
  readonly #labels: Label[] = []

  constructor(random: Random, surroundings: Surroundings, signature: Signature) {
    this.#random = random
    this.#surroundings = surroundings
    this.#result = signature.result
    this.locals = [...signature.parameters]
    for (let extra = random.below(4); extra >= 0; extra -= 1) this.locals.push(random.pick(numberTypes))
  }

  /** The code of the function without its last `end`. */
  function(statements: number): number[] {
    this.#labels.push({ takes: this.#result, isLoop: false })
    const code = [...this.#pay(25), ...this.#statements(statements, 3), ...this.#value(this.#result, 3)]
    this.#labels.pop()
    return code
  }

  #statements(count: number, depth: number): number[] {
    return Array.from({ length: count }, () => this.#statement(depth)).flat()
  }

  #statement(depth: number): number[] {
    const random = this.#random
    const inner = (): number[] => this.#statements(1 + random.below(3), depth - 1)
    if (depth <= 0 || random.chance(0.35)) return this.#simpleStatement(depth)
    switch (random.below(7)) {
      case 0:
        return this.#block([0x02, noType], null, inner)
      case 1:
        return [...this.#value(i32, depth - 1), ...this.#block([0x04, noType], null, inner)]
      case 2: {
        const both = (): number[] => [...inner(), 0x05, ...inner()]
        return [...this.#value(i32, depth - 1), ...this.#block([0x04, noType], null, both)]
      }
      case 3:
      case 4:
        return this.#loop(inner)
      case 5:
        return this.#switch(inner)
      default:
        return this.#surroundings.hasLegacyExceptions ? this.#try(inner) : this.#tryTable(inner)
    }
  }

  #simpleStatement(depth: number): number[] {
    const random = this.#random
    const value = (type: NumberType): number[] => this.#value(type, depth - 1)
    switch (random.below(12)) {
      case 0:
        return [...this.#address(depth), ...value(i32), 0x36, 0x02, ...unsigned(random.below(64))]
      case 1:
        return [...this.#address(depth), ...value(i64), 0x37, 0x03, ...unsigned(random.below(64))]
      case 2:
        return [...value(i32), 0x10, 0x00] // log
      case 3:
        return this.#bulk(depth)
      case 4:
        return this.#jump(depth)
      case 5:
        return random.chance(0.3) ? this.#throw(depth) : [0x01]
      case 6:
        return [
          ...this.#index(depth),
          0xd2,
          ...unsigned(random.below(this.#surroundings.functions.length)),
          0x26,
          0x00,
        ]
      default: {
        const local = random.below(this.locals.length)
        return [...value(this.locals[local] as NumberType), 0x21, ...unsigned(local)]
      }
    }
  }

  #value(type: NumberType, depth: number): number[] {
    const random = this.#random
    const inner = (of: NumberType): number[] => this.#value(of, depth - 1)
    if (depth <= 0 || random.chance(0.3)) return this.#simpleValue(type)
    switch (random.below(10)) {
      case 0:
        return [...inner(type), random.pick(oneOperand[type])]
      case 1: {
        const [from, opcode] = random.pick(conversions[type])
        return [...inner(from), ...opcode]
      }
      case 2:
        return [...inner(type), ...inner(type), ...inner(i32), 0x1b]
      case 3: {
        const both = (): number[] => [...inner(type), 0x05, ...inner(type)]
        return [...inner(i32), ...this.#block([0x04, type], type, both)]
      }
      case 4:
        return this.#block([0x02, type], type, () => [...this.#statement(depth - 1), ...inner(type)])
      case 5:
        return this.#call(type, depth)
      case 6:
        if (type === i32) return [...this.#address(depth), 0x28, 0x02, ...unsigned(random.below(64))]
        if (type === i64) return [...this.#address(depth), 0x30, 0x00, ...unsigned(random.below(64))]
        return this.#simpleValue(type)
      default:
        return [...inner(type), ...inner(type), random.pick(twoOperands[type])]
    }
  }

  #simpleValue(type: NumberType): number[] {
    const random = this.#random
    const locals = this.locals.flatMap((local, index) => (local === type ? [index] : []))
    if (locals.length > 0 && random.chance(0.6)) return [0x20, ...unsigned(random.pick(locals))]
    if (type === i32) return [0x41, ...signed(random.pick([0, 1, -1, 7, 255, 65_535, random.below(2 ** 30)]))]
    if (type === i64) return [0x42, ...signed(random.pick([0, 1, -1, 3, random.below(2 ** 30)]))]
    const number = random.pick([0, 1, -1, 0.5, 1e9, random.next() * 100])
    if (type === f32) return [0x43, ...new Uint8Array(Float32Array.of(number).buffer)]
    return [0x44, ...new Uint8Array(Float64Array.of(number).buffer)]
  }

  /** Mostly within the first page, sometimes anywhere. */
  #address(depth: number): number[] {
    const value = this.#value(i32, Math.min(1, depth - 1))
    return this.#random.chance(0.97) ? [...value, 0x41, ...signed(0x3fff), 0x71] : value
  }

  /** An index into the table. */
  #index(depth: number): number[] {
    return [
      ...this.#value(i32, Math.min(1, depth - 1)),
      0x41,
      ...signed(this.#random.chance(0.95) ? 7 : 15),
      0x71,
    ]
  }

  #bulk(depth: number): number[] {
    const random = this.#random
    const length = [0x41, ...signed(random.below(300))]
    switch (random.below(5)) {
      case 0:
        return [...this.#address(depth), ...this.#value(i32, 1), ...length, 0xfc, 0x0b, 0x00]
      case 1:
        return [...this.#address(depth), ...this.#address(depth), ...length, 0xfc, 0x0a, 0x00, 0x00]
      case 2:
        return [
          ...this.#address(depth),
          0x41,
          0x00,
          0x41,
          ...signed(random.below(10)),
          0xfc,
          0x08,
          0x00,
          0x00,
        ]
      case 3:
        return [0x41, 0x01, 0x40, 0x00, 0x1a] // memory.grow
      default:
        return [0x41, 0x00, 0x41, 0x02, 0x41, ...signed(random.below(6)), 0xfc, 0x0e, 0x00, 0x00]
    }
  }

  #jump(depth: number): number[] {
    const choices = this.#labels.flatMap((label, index) =>
      label.isLoop ? [] : [{ takes: label.takes, out: this.#labels.length - 1 - index }],
    )
    const { takes, out } = this.#random.pick(choices)
    const condition = this.#value(i32, depth - 1)
    if (takes === null) return [...condition, 0x0d, ...unsigned(out)]
    return [...this.#value(takes, depth - 1), ...condition, 0x0d, ...unsigned(out), 0x1a]
  }

  #call(type: NumberType, depth: number): number[] {
    const { functions } = this.#surroundings
    const random = this.#random
    const choices = functions.flatMap((signature, index) =>
      index > 0 && signature.result === type ? [index] : [],
    )
    if (choices.length === 0) return this.#simpleValue(type)
    const callee = random.pick(choices)
    const { parameters } = functions[callee] as Signature
    const values = parameters.flatMap((parameter) => this.#value(parameter, depth - 1))
    if (random.chance(0.3)) return [...values, ...this.#index(1), 0x11, ...unsigned(callee), 0x00]
    const isTail = this.#result === type && random.chance(0.1)
    // What follows a tail call is not reached, but must be there.
    return isTail
      ? [...values, 0x12, ...unsigned(callee), ...this.#simpleValue(type)]
      : [...values, 0x10, ...unsigned(callee)]
  }

  #throw(depth: number): number[] {
    const thrown = (): number[] => [...this.#value(i32, 1), 0x08, 0x00]
    return [...this.#value(i32, depth - 1), ...this.#block([0x04, noType], null, thrown)]
  }

  #loop(inner: () => number[]): number[] {
    this.locals.push(i32)
    const counter = unsigned(this.locals.length - 1)
    const times = signed(1 + this.#random.below(12))
    const rest = [0x20, ...counter, 0x41, 0x01, 0x6b, 0x22, ...counter, 0x0d, 0x00]
    this.#labels.push({ takes: null, isLoop: true })
    const code = [0x41, ...times, 0x21, ...counter, 0x03, noType, ...this.#pay(1), ...inner(), ...rest, end]
    this.#labels.pop()
    return code
  }

  #switch(inner: () => number[]): number[] {
    const blocks = [0x02, noType, 0x02, noType, 0x02, noType]
    for (let index = 0; index < 3; index += 1) this.#labels.push({ takes: null, isLoop: false })
    const jump = [...this.#value(i32, 1), 0x0e, 0x03, 0x00, 0x01, 0x02, 0x01]
    let code = [...blocks, ...jump]
    for (let index = 0; index < 3; index += 1) {
      this.#labels.pop()
      code = [...code, end, ...inner()]
    }
    return code
  }

  #try(inner: () => number[]): number[] {
    const caught = (): number[] => {
      const code = inner()
      // With the tag comes its value, without it none.
      return this.#random.chance(0.5) ? [...code, 0x07, 0x00, 0x1a, ...inner()] : [...code, 0x19, ...inner()]
    }
    return this.#block([0x06, noType], null, caught)
  }

  #tryTable(inner: () => number[]): number[] {
    return this.#block([0x02, noType], null, () => this.#block([0x1f, noType, 0x01, 0x02, 0x00], null, inner))
  }

  #block(head: readonly number[], takes: NumberType | null, content: () => number[]): number[] {
    this.#labels.push({ takes, isLoop: false })
    const code = [...head, ...content(), end]
    this.#labels.pop()
    return code
  }

  /** Counts the budget down, and traps when it is used up. */
  #pay(units: number): number[] {
    const counted = [0x23, budgetGlobal, 0x41, ...signed(units), 0x6b, 0x24, budgetGlobal]
    return [...counted, 0x23, budgetGlobal, 0x41, 0x00, 0x48, 0x04, noType, 0x00, end]
  }
}

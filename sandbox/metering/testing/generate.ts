import { Random } from '../../../test/fuzz/random.ts'
import { Section } from '../sections.ts'
import { signed, unsigned } from '../writer.ts'
import { type NumberType, numberTypes } from './arithmetic.ts'
import { binary, list, name, withLength } from './binary.ts'
import { budgetGlobal, CodeGenerator, type Signature } from './generate-code.ts'

/** A module that was made up, with calls of its functions. */
export interface GeneratedModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly calls: readonly (readonly [name: string, ...values: readonly (number | bigint)[]])[]
}

/** Rounds of loops that a call may do, where calling a function counts as some; so few that no stack overflows. Exported as a global. */
export const budget = 4_000
const i32 = 0x7f
const tableSize = 8

/** A valid module in which everything ends: the same for the same seed. */
export function generateModule(seed: number): GeneratedModule {
  const random = new Random(seed)
  const own = Array.from({ length: 2 + random.below(5) }, () => makeSignature(random))
  const surroundings = {
    functions: [{ parameters: [i32], result: i32 } satisfies Signature, ...own],
    hasLegacyExceptions: random.chance(0.5),
  }
  const bodies = own.map((signature) => {
    const generator = new CodeGenerator(random, surroundings, signature)
    // Few are long, but long ones are charged in another way.
    const code = generator.function(random.chance(0.25) ? 40 : 1 + random.below(6))
    const locals = generator.locals.slice(signature.parameters.length)
    return withLength([...list(...locals.map((type) => [0x01, type])), ...code, 0x0b])
  })
  const exports = own.map((_, index) => [...name(`f${index + 1}`), 0x00, ...unsigned(index + 1)])
  const places = Array.from({ length: tableSize }, (_, index) => [(index % own.length) + 1])
  const bytes = binary(
    [Section.type, list(logType, ...own.map(typeBytes), [0x60, 0x01, i32, 0x00])],
    [Section.import, list([...name('host'), ...name('log'), 0x00, 0x00])],
    [Section.function, list(...own.map((_, index) => unsigned(index + 1)))],
    [Section.table, list([0x70, 0x00, tableSize])],
    [Section.memory, list([0x01, 0x01, 0x03])],
    [Section.tag, list([0x00, ...unsigned(own.length + 1)])],
    [Section.global, list([i32, 0x01, 0x41, ...signed(budget), 0x0b])],
    [
      Section.export,
      list([...name('memory'), 0x02, 0x00], [...name('budget'), 0x03, budgetGlobal], ...exports),
    ],
    [Section.element, list([0x00, 0x41, 0x00, 0x0b, ...list(...places)], [0x03, 0x00, ...list([0x00])])],
    [Section.dataCount, [0x01]],
    [Section.code, list(...bodies)],
    [Section.data, list([0x01, ...name('0123456789')])],
  )
  const calls = own.flatMap((signature, index) =>
    Array.from({ length: 2 }, () => [`f${index + 1}`, ...makeValues(signature, random)] as const),
  )
  return { bytes, calls }
}

const logType = [0x60, 0x01, i32, 0x00]

function makeSignature(random: Random): Signature {
  const parameters = Array.from({ length: random.below(4) }, () => random.pick(numberTypes))
  return { parameters, result: random.pick(numberTypes) }
}

function typeBytes({ parameters, result }: Signature): number[] {
  return [0x60, ...list(...parameters.map((type) => [type])), 0x01, result]
}

function makeValues({ parameters }: Signature, random: Random): (number | bigint)[] {
  return parameters.map((type: NumberType) => {
    const number = random.pick([0, 1, -1, 100, random.below(2 ** 31)])
    return type === 0x7e ? BigInt(number) : number
  })
}

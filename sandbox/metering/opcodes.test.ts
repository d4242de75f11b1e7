import { test } from 'tap'
import { meter } from './meter.ts'
import { MeterRefusal } from './refusal.ts'
import { runnable } from './testing/binary.ts'
import { ample } from './testing/instances.ts'
import { unsigned } from './writer.ts'

const unreachable = 0x00

/** Immediates that make some opcode valid behind `unreachable`, where operands may be anything. */
const immediates: readonly (readonly number[])[] = [
  ...Array.from({ length: 6 }, (_, length) => Array.from({ length }, () => 0x00)),
  Array.from({ length: 8 }, () => 0x00),
  Array.from({ length: 16 }, () => 0x00),
  [0x70], // ref.null func
  [0x40, 0x0b], // a block
  [0x40, 0x00, 0x0b], // a try_table
  [0x01, 0x7f], // select with a type
  ...[1, 2, 3].map((alignment) => [alignment, 0x00]),
]

/** What V8 takes, and is refused on purpose. */
const refusedOnPurpose = new Set(['0xfb', '0xd3'])

const opcodes: readonly (readonly number[])[] = [
  ...Array.from({ length: 0x100 }, (_, opcode) => [opcode]).filter(
    ([opcode = 0]) => opcode < 0xfc || opcode > 0xfe,
  ),
  ...[0xfc, 0xfd, 0xfe].flatMap((prefix) =>
    Array.from({ length: 0x130 }, (_, second) => [prefix, ...unsigned(second)]),
  ),
]

test('every opcode that V8 knows is metered or refused on purpose, and no other is taken', async (t) => {
  let known = 0
  const wrong: string[] = []
  for (const opcode of opcodes) {
    const modules = immediates.map((bytes) => runnable(unreachable, ...opcode, ...bytes, unreachable))
    const valid = modules.filter((module) => WebAssembly.validate(module))
    const label = opcode.map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(' ')
    if (valid.length > 0) known += 1
    for (const module of modules) {
      const isValid = valid.includes(module)
      const isMetered = metersToValid(module)
      const isOnPurpose = refusedOnPurpose.has(label) && !isMetered
      if (isMetered !== isValid && !isOnPurpose) wrong.push(`${label} in ${module.length} bytes: ${isValid}`)
    }
  }
  t.same(wrong, [])
  t.ok(known > 500, `${known} opcodes`)
})

/** Whether metering gives a valid module. */
function metersToValid(module: Uint8Array): boolean {
  try {
    return WebAssembly.validate(new Uint8Array(meter(module, ample)))
  } catch (error) {
    if (error instanceof MeterRefusal) return false
    throw error
  }
}

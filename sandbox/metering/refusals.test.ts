import { test } from 'tap'
import { fuelExport, type MeterOptions, meter, tickImport } from './meter.ts'
import { MeterRefusal } from './refusal.ts'
import { Section } from './sections.ts'
import { binary, body, list, moduleHead, name, runnable, type SectionBytes } from './testing/binary.ts'
import { ample } from './testing/instances.ts'
import { wat } from './testing/wat.ts'
import { Writer } from './writer.ts'

function refusal(bytes: Uint8Array, options: Partial<MeterOptions> = {}): string | null {
  try {
    meter(bytes, { ...ample, ...options })
  } catch (error) {
    if (error instanceof MeterRefusal) return error.message
    throw error
  }
  return null
}

const withType = (...type: readonly number[]): Uint8Array => binary([Section.type, list(type)])

/** Where the code of a `runnable` begins. */
const codeAt = 58

const refused: Readonly<Record<string, readonly [bytes: Uint8Array, message: string]>> = {
  'no bytes': [new Uint8Array(0), 'no WebAssembly module at byte 0'],
  JavaScript: [Buffer.from('export default {}'), 'no WebAssembly module at byte 0'],
  'a component': [
    Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00),
    'no core module of version 1 (a component?) at byte 4',
  ],
  'struct types': [withType(0x5f, 0x00), 'type form 0x5f (struct of GC) at byte 11'],
  'array types': [withType(0x5e, 0x7f, 0x00), 'type form 0x5e (array of GC) at byte 11'],
  'groups of types': [
    withType(0x4e, 0x01, 0x60, 0x00, 0x00),
    'type form 0x4e (recursive group of GC) at byte 11',
  ],
  'continuation types': [withType(0x5d, 0x00), 'type form 0x5d (continuation) at byte 11'],
  'a parameter of a GC type': [withType(0x60, 0x01, 0x6e, 0x00), 'type 0x6e (any of GC) at byte 13'],
  'a parameter that refers to a GC type': [
    withType(0x60, 0x01, 0x64, 0x6b, 0x00),
    'type 0x6b (struct of GC) at byte 14',
  ],
  'a parameter of no type': [withType(0x60, 0x01, 0x11, 0x00), 'type 0x11 (unknown) at byte 13'],
  'GC opcodes': [runnable(0xfb, 0x01, 0x00), `opcode 0xfb 0x01 (GC or strings) at byte ${codeAt}`],
  'ref.eq': [runnable(0x00, 0xd3), `opcode 0xd3 (GC) at byte ${codeAt + 1}`],
  'a null of a GC type': [runnable(0xd0, 0x71), `type 0x71 (none of GC) at byte ${codeAt + 1}`],
  'stack switching': [runnable(0xe0, 0x00), `opcode 0xe0 (stack switching) at byte ${codeAt}`],
  'opcodes that are not there': [runnable(0x00, 0xff), `opcode 0xff (unknown) at byte ${codeAt + 1}`],
  'prefixed opcodes that are not there': [
    runnable(0xfd, 0x80, 0x04),
    `opcode 0xfd 0x200 (unknown) at byte ${codeAt}`,
  ],
  'code in a constant': [
    binary([Section.global, list([0x7f, 0x00, 0x02, 0x40, 0x0b, 0x0b])]),
    'opcode 0x02 in a constant at byte 13',
  ],
  'GC code in a constant': [
    binary([Section.global, list([0x7f, 0x00, 0xfb, 0x00, 0x0b])]),
    'opcode 0xfb 0x00 (GC or strings) at byte 13',
  ],
  'a shared memory': [wat('(module (memory 1 1 shared))'), 'a shared memory at byte 11'],
  'a memory of 64 bits': [wat('(module (memory i64 1))'), 'a memory of 64 bits (memory64) at byte 11'],
  'a table of 64 bits': [
    binary([Section.table, list([0x70, 0x04, 0x01])]),
    'a table of 64 bits (table64) at byte 12',
  ],
  'pages of another size': [
    binary([Section.memory, list([0x08, 0x01, 0x00])]),
    'limits of a memory with the flags 0x08 at byte 11',
  ],
  'a maximum below the minimum': [
    binary([Section.memory, list([0x01, 0x02, 0x01])]),
    'a memory with a maximum below its minimum at byte 11',
  ],
  'a section that is not there': [binary([14, [0x00]]), 'unknown section 14 at byte 8'],
  'a section that comes twice': [
    binary([Section.type, [0x00]], [Section.type, [0x00]]),
    'section 1 twice or out of order at byte 11',
  ],
  'sections out of order': [
    binary([Section.function, [0x00]], [Section.type, [0x00]]),
    'section 1 twice or out of order at byte 11',
  ],
  'a section that is longer than the module': [
    Uint8Array.of(...moduleHead, Section.type, 0x05, 0x00),
    'the module or a part of it is cut short at byte 11',
  ],
  'a section with more than it says': [
    binary([Section.type, [0x00, 0x00]]),
    '1 bytes too many in the types at byte 11',
  ],
  'lists longer than the module': [
    binary([Section.function, [0xff, 0xff, 0xff, 0xff, 0x0f]]),
    '4294967295 functions in 0 bytes at byte 10',
  ],
  'a number that does not end': [
    binary([Section.function, [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]]),
    'a number of more than 32 bits at byte 10',
  ],
  'functions without bodies': [
    binary([Section.type, list([0x60, 0x00, 0x00])], [Section.function, list([0x00])]),
    '1 functions, but 0 bodies at byte 18',
  ],
  'a jump to a label that is not there': [runnable(0x0c, 0x01), `label 1 of 1 at byte ${codeAt + 1}`],
  'a body that does not end': [runnable(0x02, 0x40), 'the module or a part of it is cut short at byte 61'],
  'a body that ends too early': [
    runnable(0x0b),
    `1 bytes too many in the body of a function at byte ${codeAt + 1}`,
  ],
  'too many locals': [
    binary(
      [Section.type, list([0x60, 0x00, 0x00])],
      [Section.function, list([0x00])],
      [Section.code, list([0x08, 0x01, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b])],
    ),
    'a function with more than 50000 locals at byte 22',
  ],
  'an unknown import': [
    binary([Section.import, list([...name('a'), ...name('b'), 0x07])]),
    'import of the kind 7 at byte 15',
  ],
  'an export with the name of the counter': [
    wat(`(module (func (export "${fuelExport}")))`),
    `an export called ${fuelExport}, a name of ours at byte 21`,
  ],
}

for (const [what, [bytes, message]] of Object.entries(refused)) {
  test(`${what}: is refused, with what and where`, async (t) => {
    t.equal(refusal(bytes), message)
    t.equal(refusal(bytes, { mode: 'tick' }), message)
  })
}

test('the module of the host is not for others to import from', async (t) => {
  const bytes = wat(`(module (import "${tickImport.module}" "anything" (func)))`)
  t.equal(refusal(bytes, { mode: 'tick' }), `an import from ${tickImport.module}, a name of ours at byte 17`)
  t.equal(refusal(bytes), null, 'without ticks it is a name like others')
})

test('a metered module is not metered twice', async (t) => {
  for (const mode of ['trap', 'tick'] as const) {
    const once = meter(wat('(module (func))'), { ...ample, mode })
    t.match(refusal(once, { mode }), /a name of ours/)
  }
})

/** Modules that are not valid, but name what metering would add: the counter, the import, a helper. */
test('nothing that metering adds can be reached', async (t) => {
  const type: SectionBytes = [Section.type, list([0x60, 0x00, 0x00])]
  const one: SectionBytes = [Section.function, list([0x00])]
  const code = (...bytes: readonly number[]): SectionBytes => [Section.code, list(body(...bytes))]
  const attempts: Readonly<Record<string, readonly SectionBytes[]>> = {
    'setting the counter': [type, one, code(0x41, 0x00, 0x24, 0x00)],
    'reading the counter': [type, one, code(0x23, 0x00, 0x1a)],
    'calling a helper': [type, one, code(0x10, 0x01)],
    'tail-calling a helper': [type, one, code(0x12, 0x01)],
    'referring to a helper': [type, one, code(0xd2, 0x01, 0x1a)],
    'exporting the counter': [[Section.export, list([...name('x'), 0x03, 0x00])]],
    'exporting a helper': [type, one, [Section.export, list([...name('x'), 0x00, 0x01])], code()],
    'starting with a helper': [type, one, [Section.start, [0x01]], code()],
    'a helper in a table': [
      ...[type, one],
      [Section.table, list([0x70, 0x00, 0x01])],
      [Section.element, list([0x00, 0x41, 0x00, 0x0b, 0x01, 0x01])],
      code(),
    ],
    'a helper in a global': [type, one, [Section.global, list([0x70, 0x00, 0xd2, 0x01, 0x0b])], code()],
    'the counter in a global': [[Section.global, list([0x7f, 0x00, 0x23, 0x01, 0x0b])]],
  }
  for (const [what, sections] of Object.entries(attempts)) {
    const bytes = binary(...sections)
    t.notOk(WebAssembly.validate(bytes), what)
    for (const mode of ['trap', 'tick'] as const)
      t.match(refusal(bytes, { mode }), /^(function|global) 1? ?.*at byte \d+$/, what)
  }
})

test('a function that would outgrow what V8 takes is refused', async (t) => {
  const loops = 1_000_000
  const code = new Writer(loops * 3 + 2)
  code.byte(0x00)
  for (let index = 0; index < loops; index += 1) code.append(Uint8Array.of(0x03, 0x40, 0x0b))
  code.byte(0x0b)
  const section = new Writer(code.length + 10)
  section.byte(0x01)
  section.block(code.written)
  const module = new Writer(section.length + 50)
  module.append(binary([Section.type, list([0x60, 0x00, 0x00])], [Section.function, list([0x00])]))
  module.byte(Section.code)
  module.block(section.written)
  t.ok(WebAssembly.validate(module.written.slice()))
  t.equal(
    refusal(module.written),
    'a function that would have 19000018 bytes with its charges; 7654321 are allowed at byte 28',
  )
})

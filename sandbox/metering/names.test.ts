import { test } from 'tap'
import { meter } from './meter.ts'
import { Reader } from './reader.ts'
import { splitSections } from './sections.ts'
import { binary, name, type SectionBytes } from './testing/binary.ts'
import { ample, modes, startMetered } from './testing/instances.ts'
import { wat } from './testing/wat.ts'

const text = `(module (import "host" "host" (func $host)) (func $inner (call $host) (unreachable))
  (func $outer (export "run") (local $value i32) (call $inner)))`
const imports = { host: { host: () => {} } }

function stackOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as Error).stack ?? ''
  }
  return ''
}

function customSections(bytes: Uint8Array, section: string): number {
  const names = splitSections(bytes).custom.map(({ start, end }) => new Reader(bytes, start, end).block())
  return names.filter((bytesOfName) => Buffer.from(bytesOfName).toString() === section).length
}

for (const mode of modes) {
  test(`stack traces name functions when names are kept (${mode})`, async (t) => {
    const metered = startMetered(wat(text, true), { mode, keepNames: true }, imports)
    t.match(
      stackOf(() => metered.run('run')),
      /inner[\s\S]*outer/,
    )
  })

  test(`custom sections are left out, names too unless they are to be kept (${mode})`, async (t) => {
    const producers: SectionBytes = [0, [...name('producers'), 1, 2, 3]]
    const bytes = new Uint8Array(Buffer.concat([wat(text, true), binary(producers).subarray(8)]))
    for (const keepNames of [true, false]) {
      const metered = meter(bytes, { ...ample, mode, keepNames })
      t.equal(customSections(metered, 'producers'), 0)
      t.equal(customSections(metered, 'name'), keepNames ? 1 : 0)
    }
  })
}

test('names that cannot be read do not make a module bad', async (t) => {
  const broken: Readonly<Record<string, readonly number[]>> = {
    nothing: [],
    'a list that is too long': [0x01, 0x02, 0xff, 0x01],
    'a part that is cut short': [0x01, 0x7f, 0x00],
    'locals only': [0x02, 0x01, 0x00],
  }
  for (const [what, content] of Object.entries(broken)) {
    const metered = meter(binary([0, [...name('name'), ...content]]), { ...ample, keepNames: true })
    t.equal(customSections(metered, 'name'), 0, what)
  }
})

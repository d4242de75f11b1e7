import { test } from 'tap'
import { type MeterOptions, meter } from './meter.ts'
import { Section } from './sections.ts'
import { binary, body, list, name } from './testing/binary.ts'
import { ample, modes, startMetered } from './testing/instances.ts'
import { wat } from './testing/wat.ts'

/** Endless ways to run, as functions of a module; each exports `run`. */
const endless: Readonly<Record<string, string>> = {
  'a loop that jumps back': '(func (export "run") (loop $l (br $l)))',
  'a loop that jumps back on a condition': '(func (export "run") (loop $l (br_if $l (i32.const 1))))',
  'a loop that jumps back by a table': '(func (export "run") (loop $l (br_table $l $l $l (i32.const 1))))',
  'a loop that is left from within a block':
    '(func (export "run") (loop $l (block $b (br_if $b (i32.const 1)) (return)) (br $l)))',
  'a loop with parameters and results':
    '(func (export "run") (result i32) (i32.const 1) (loop $l (param i32) (result i32) (i32.const 1) (i32.add) (br $l)))',
  'a loop of calls of a small function':
    '(func $small (result i32) (i32.const 1)) (func (export "run") (loop $l (br_if $l (call $small))))',
  'a loop of calls of the host': '(func (export "run") (loop $l (call $host) (br $l)))',
  'a function that tail-calls itself': '(func $f (export "run") (return_call $f))',
  'two functions that tail-call each other':
    '(func $f (export "run") (return_call $g)) (func $g (return_call $f))',
  'a function that tail-calls itself through a table':
    '(table funcref (elem $f)) (func $f (export "run") (return_call_indirect (type $none) (i32.const 0)))',
  'a loop that throws, and catches':
    '(func (export "run") (loop $l (try (do (throw $e)) (catch $e)) (br $l)))',
  'a loop that throws, and catches everything':
    '(func (export "run") (loop $l (try (do (throw $e)) (catch_all)) (br $l)))',
  'a loop in a catch of everything':
    '(func (export "run") (try (do (throw $e)) (catch_all (loop $l (br $l)))))',
  'a loop inside of a try that catches everything, in a loop':
    '(func (export "run") (loop $o (try (do (loop $l (br $l))) (catch_all)) (br $o)))',
  'a loop that throws again':
    '(func (export "run") (loop $l (try (do (try $t (do (throw $e)) (catch_all (rethrow $t)))) (catch_all)) (br $l)))',
  'a loop whose exceptions are delegated':
    '(func (export "run") (loop $l (try $t (do (try (do (throw $e)) (delegate $t))) (catch_all)) (br $l)))',
}

/** The same with exceptions of the newer kind, which may not be mixed with the older. */
const endlessWithTryTable: Readonly<Record<string, string>> = {
  'a loop with a try_table': '(func (export "run") (loop $l (try_table (catch_all $l) (throw $e))))',
  'a loop inside of a try_table, in a loop':
    '(func (export "run") (loop $o (try_table (catch_all $o) (loop $l (br $l)))))',
  'a loop that throws references':
    '(func (export "run") (loop $l (block $h (result exnref) (try_table (catch_all_ref $h) (throw $e)) (unreachable)) (drop) (br $l)))',
  'a loop that throws what it caught':
    '(func (export "run") (loop $l (try_table (catch_all $l) (block $h (result exnref) (try_table (catch_all_ref $h) (throw $e)) (unreachable)) (throw_ref))))',
}

const withPrelude = (functions: string): Uint8Array =>
  wat(`(module (type $none (func)) (import "host" "host" (func $host)) (tag $e) (memory 1) ${functions})`)

const imports = { host: { host: () => {} } }

for (const [what, functions] of Object.entries({ ...endless, ...endlessWithTryTable })) {
  test(`${what} is stopped by a trap`, async (t) => {
    const metered = startMetered(withPrelude(functions), { initialFuel: 100_000 }, imports)
    t.throws(() => metered.run('run'), { name: 'RuntimeError', message: 'unreachable' })
    t.ok(metered.fuel.value < 0)
  })

  test(`${what} goes on as long as the host gives fuel`, async (t) => {
    const options = { mode: 'tick', initialFuel: 1_000 } as const
    const metered = startMetered(withPrelude(functions), options, imports, [1_000, 20_000, 0])
    t.throws(() => metered.run('run'), { name: 'RuntimeError', message: 'unreachable' })
    t.equal(metered.ticks, 4, 'three refills and the refusal')
    t.equal(metered.fuel.value, -1, 'what the host gave last')
  })
}

for (const mode of modes) {
  test(`recursion is stopped before the stack is full (${mode})`, async (t) => {
    const calls = {
      directly: '(func $f (export "run") (call $f))',
      'by way of another': '(func $f (export "run") (call $g)) (func $g (call $f))',
      'through a table':
        '(table funcref (elem $f)) (func $f (export "run") (call_indirect (type $none) (i32.const 0)))',
    }
    for (const [what, functions] of Object.entries(calls)) {
      const metered = startMetered(withPrelude(functions), { mode, initialFuel: 1_000 }, imports)
      t.throws(() => metered.run('run'), { message: 'unreachable' }, what)
    }
  })

  test(`recursion through references is stopped (${mode})`, async (t) => {
    // (func $run (return_call_ref (ref.func $run))), and the same with a call.
    for (const [what, opcode] of [
      ['return_call_ref', 0x15],
      ['call_ref', 0x14],
    ] as const) {
      const bytes = binary(
        [Section.type, list([0x60, 0x00, 0x00])],
        [Section.function, list([0x00])],
        [Section.export, list([...name('run'), 0x00, 0x00])],
        [Section.code, list(body(0xd2, 0x00, opcode, 0x00))],
      )
      const metered = startMetered(bytes, { mode, initialFuel: 1_000 })
      t.throws(() => metered.run('run'), { message: 'unreachable' }, what)
    }
  })

  test(`an endless start function is stopped (${mode})`, async (t) => {
    const bytes = wat('(module (func $start (loop $l (br $l))) (start $start))')
    t.throws(() => startMetered(bytes, { mode, initialFuel: 10_000 }), { message: 'unreachable' })
  })

  test(`a stack that overflows is an error of the call, as without fuel (${mode})`, async (t) => {
    const metered = startMetered(withPrelude('(func $f (export "run") (call $f))'), { mode }, imports)
    t.throws(() => metered.run('run'), { name: 'RangeError' })
  })
}

test('code that ends costs the same in every run, and about what it does', async (t) => {
  const bytes = wat(`(module (func (export "run") (param $n i32)
    (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))`)
  const metered = startMetered(bytes)
  const cost = (times: number): number => {
    metered.fuel.value = 1_000_000
    metered.run('run', times)
    return 1_000_000 - metered.fuel.value
  }
  t.equal(cost(1_000), cost(1_000))
  t.equal(cost(2_000) - cost(1_000), 1_000 * 7, 'the loop itself, five instructions, and its end')
})

test('a long way without a loop is charged on the way', async (t) => {
  const step = '(local.set $x (i64.add (i64.mul (local.get $x) (i64.const 3)) (i64.const 1)))'
  const bytes = wat(`(module (func (export "run") (result i64) (local $x i64)
    ${step.repeat(5_000)} (local.get $x)))`)
  const metered = startMetered(bytes)
  metered.fuel.value = 1_000_000
  metered.run('run')
  const spent = 1_000_000 - metered.fuel.value
  t.ok(spent > 30_000 / 17 && spent < 30_000, `${spent} units for 30,000 instructions`)
})

test('ways that jump over the charges of a long way do not get around them', async (t) => {
  const step = '(local.set $x (i64.add (local.get $x) (i64.const 1)))'
  // Between any two charges that the text shows there is a jump over the second.
  const stretch = `${step.repeat(120)} (block $over (br_if $over (i32.const 1)) ${step.repeat(120)})`
  const bytes = wat(`(module (func (export "run") (result i64) (local $x i64)
    ${stretch.repeat(50)} (local.get $x)))`)
  const metered = startMetered(bytes)
  metered.fuel.value = 1_000_000
  t.equal(metered.run('run'), 6_000n)
  const spent = 1_000_000 - metered.fuel.value
  t.ok(spent > 24_000 / 17, `${spent} units for 24,000 instructions`)
})

test('an interpreter does not pay for the instructions it does not run', async (t) => {
  const step = '(local.set $x (i64.add (local.get $x) (i64.const 1)))'
  const cases = Array.from({ length: 100 }, (_, index) => index)
  const blocks = cases.reduce(
    (inner, index) => `(block $c${index} ${inner}) ${step.repeat(5)} (br $l)`,
    `
    (br_table ${cases.map((index) => `$c${index}`).join(' ')} (i32.and (local.get $n) (i32.const 63)))`,
  )
  const bytes = wat(`(module (func (export "run") (param $n i32) (local $x i64)
    (loop $l (br_if 1 (i32.eqz (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) ${blocks})))`)
  const metered = startMetered(bytes)
  metered.fuel.value = 1_000_000
  metered.run('run', 1_000)
  t.equal(
    Math.ceil((1_000_000 - metered.fuel.value) / 1_000),
    32 + 1,
    'the cap for each round, and the entry',
  )
})

test('entering a function with many locals is charged for clearing them', async (t) => {
  const bytes = wat(`(module (func $many ${'(local i64)'.repeat(8_000)})
    (func (export "run") (param $n i32)
      (loop $l (call $many) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))`)
  const metered = startMetered(bytes)
  metered.fuel.value = 1_000_000
  metered.run('run', 100)
  t.ok(1_000_000 - metered.fuel.value >= 100 * 1_000)
})

test('small functions are charged at entry when told so', async (t) => {
  const bytes = wat('(module (func (export "run") (nop)))')
  const cost = (leaf: number): number => {
    const metered = startMetered(bytes, { leaf, initialFuel: 100 })
    metered.run('run')
    return 100 - metered.fuel.value
  }
  t.equal(cost(0), 2)
  t.equal(cost(1), 2)
  t.equal(cost(2), 0)
})

test('options that make no sense are told apart from bad modules', async (t) => {
  const bytes = wat('(module)')
  const wrong: readonly Partial<MeterOptions>[] = [
    ...[{ initialFuel: 2 ** 31 }, { initialFuel: -1 }, { cap: 0 }, { cap: 1.5 }, { leaf: Number.NaN }],
    ...[{ leaf: Number.POSITIVE_INFINITY }, { maxPages: 65_537 }, { maxPages: Number.NaN }, { maxTable: -1 }],
  ]
  for (const options of wrong) {
    const [name] = Object.keys(options)
    t.throws(
      () => meter(bytes, { ...ample, ...options }),
      { name: 'RangeError', message: new RegExp(`^${name} is .*; it must be a whole number from`) },
      JSON.stringify(options),
    )
  }
})

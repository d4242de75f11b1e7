import { test } from 'tap'
import { type Metered, modes, startMetered } from './testing/instances.ts'
import { wat } from './testing/wat.ts'

const plenty = 1_000_000_000

const bulk = wat(`(module (memory 16 16) (table $t 4096 8192 funcref) (table $x 16 8192 externref)
  (func $f) (elem $e func ${'$f '.repeat(1_000)}) (data $d "${'x'.repeat(4_000)}")
  (func (export "memory.fill") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0)))
  (func (export "memory.copy") (param i32) (memory.copy (i32.const 0) (i32.const 8) (local.get 0)))
  (func (export "memory.init") (param i32) (memory.init $d (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "table.fill") (param i32) (table.fill $t (i32.const 0) (ref.null func) (local.get 0)))
  (func (export "table.copy") (param i32) (table.copy $t $t (i32.const 0) (i32.const 8) (local.get 0)))
  (func (export "table.init") (param i32) (table.init $t $e (i32.const 0) (i32.const 0) (local.get 0)))
  (func (export "table.grow") (param i32) (drop (table.grow $t (ref.null func) (local.get 0))))
  (func (export "table.grow of another type") (param i32) (drop (table.grow $x (ref.null extern) (local.get 0)))))`)

function cost(metered: Metered, name: string, ...values: readonly number[]): number {
  metered.fuel.value = plenty
  metered.run(name, ...values)
  return plenty - metered.fuel.value
}

for (const name of ['memory.fill', 'memory.copy', 'memory.init'] as const) {
  test(`${name} is charged for every eight bytes`, async (t) => {
    const metered = startMetered(bulk)
    const least = cost(metered, name, 0)
    t.ok(least > 0)
    t.equal(cost(metered, name, 800) - least, 100)
    t.equal(cost(metered, name, 4_000) - least, 500)
  })
}

for (const name of ['table.fill', 'table.copy', 'table.init', 'table.grow', 'table.grow of another type']) {
  test(`${name} is charged for every entry`, async (t) => {
    const metered = startMetered(bulk)
    const least = cost(metered, name, 0)
    t.ok(least >= 32)
    t.equal(cost(metered, name, 100) - least, 3_200)
    t.equal(cost(metered, name, 1_000) - least, 32_000)
  })
}

for (const mode of modes) {
  test(`bulk instructions stop when the fuel does not pay for their length (${mode})`, async (t) => {
    for (const name of ['memory.fill', 'table.fill']) {
      const metered = startMetered(bulk, { mode, initialFuel: 100 })
      t.throws(() => metered.run(name, 4_000), { message: 'unreachable' }, name)
      t.ok(metered.fuel.value < 0)
    }
  })

  test(`no length makes the fuel more (${mode})`, async (t) => {
    for (const name of ['table.grow', 'table.fill', 'memory.fill', 'memory.copy', 'table.init']) {
      for (const length of [0x7fff_ffff, 0x8000_0000, 0xc000_0000, 0xffff_fff0, 0xffff_ffff]) {
        for (const fuel of [0, 1_000, plenty, 2 ** 31 - 1]) {
          const metered = startMetered(bulk, { mode, initialFuel: fuel })
          try {
            metered.run(name, length)
          } catch {
            // Out of bounds, or out of fuel: either will do.
          }
          t.ok(metered.fuel.value < fuel, `${name} of ${length} with ${fuel}`)
        }
      }
    }
  })
}

test('the host gives fuel in the middle of a bulk instruction, and it is done', async (t) => {
  const metered = startMetered(bulk, { mode: 'tick', initialFuel: 20 }, {}, [5_000])
  metered.run('memory.fill', 4_000)
  t.equal(metered.ticks, 1)
  t.equal(metered.fuel.value, 5_000)
})

test('instructions that cost more than they seem are charged for it', async (t) => {
  const bytes = wat(`(module (memory 1) (table $t 2 funcref) (tag $e)
    (func (export "memory.grow") (drop (memory.grow (i32.const 0))))
    (func (export "table.set") (table.set $t (i32.const 0) (ref.null func)))
    (func (export "throw") (try (do (throw $e)) (catch_all)))
    (func (export "rethrow") (try (do (try $t (do (throw $e)) (catch_all (rethrow $t)))) (catch_all)))
    (func (export "memory.atomic.notify") (drop (memory.atomic.notify (i32.const 0) (i32.const 0)))))`)
  const metered = startMetered(bytes)
  t.equal(cost(metered, 'memory.grow'), 64)
  t.equal(cost(metered, 'table.set'), 32)
  t.equal(cost(metered, 'throw'), 256)
  t.equal(cost(metered, 'rethrow'), 512)
  t.equal(cost(metered, 'memory.atomic.notify'), 16)
})

test('moving hundreds of values at once is charged', async (t) => {
  const types = 'i64 '.repeat(800)
  const bytes = wat(`(module (func $many (result ${types}) ${'(i64.const 1)'.repeat(800)})
    (func $take (param ${types}))
    (func (export "run") (param $n i32)
      (loop $l (call $many) (call $take) (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))`)
  const metered = startMetered(bytes, { cap: 10_000 })
  t.ok((cost(metered, 'run', 200) - cost(metered, 'run', 100)) / 100 >= 200)
})

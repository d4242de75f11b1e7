import { test } from 'tap'
import { meter } from './meter.ts'
import { MeterRefusal } from './refusal.ts'
import { ample, startMetered } from './testing/instances.ts'
import { wat } from './testing/wat.ts'

const growing = `(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))`

test('a memory cannot grow beyond what it may have', async (t) => {
  for (const declared of ['1', '1 65536', '1 10']) {
    const metered = startMetered(wat(`(module (memory ${declared}) ${growing})`), { maxPages: 10 })
    t.equal(metered.run('grow', 10), -1, declared)
    t.equal(metered.run('grow', 9), 1, declared)
    t.equal(metered.run('grow', 1), -1, declared)
  }
})

test('a memory keeps a maximum of its own that is lower', async (t) => {
  const metered = startMetered(wat(`(module (memory 1 2) ${growing})`), { maxPages: 10 })
  t.equal(metered.run('grow', 1), 1)
  t.equal(metered.run('grow', 1), -1)
})

test('an imported memory must have a maximum within what is allowed', async (t) => {
  for (const declared of ['1', '1 65536']) {
    const bytes = wat(`(module (import "host" "memory" (memory ${declared})) ${growing})`)
    const start = (maximum: number) => {
      const memory = new WebAssembly.Memory({ initial: 1, maximum })
      return startMetered(bytes, { maxPages: 10 }, { host: { memory } })
    }
    t.throws(() => start(11), WebAssembly.LinkError, declared)
    t.equal(start(10).run('grow', 9), 1, declared)
  }
})

test('several memories share what is allowed', async (t) => {
  const bytes = wat(`(module (memory $a 1) (memory $b 1) (memory $c 2 3)
    (func (export "a") (result i32) (memory.grow $a (i32.const 1)))
    (func (export "b") (result i32) (memory.grow $b (i32.const 1)))
    (func (export "c") (result i32) (memory.grow $c (i32.const 1))))`)
  const metered = startMetered(bytes, { maxPages: 9 })
  const grown = ['a', 'b', 'c'].map((name) => {
    let pages = 0
    while (metered.run(name) !== -1) pages += 1
    return pages
  })
  t.same(grown, [2, 2, 1], 'what the third does not want, the others get')
})

test('tables cannot grow beyond what they may have together', async (t) => {
  const bytes =
    wat(`(module (import "host" "table" (table $i 1 externref)) (table $t 2 2 funcref) (table $x 3 externref)
    (func (export "imported") (param i32) (result i32) (table.grow $i (ref.null extern) (local.get 0)))
    (func (export "own") (param i32) (result i32) (table.grow $x (ref.null extern) (local.get 0))))`)
  const start = (maximum: number) => {
    const host = new WebAssembly.Module(wat(`(module (table (export "table") 1 ${maximum} externref))`))
    return startMetered(bytes, { maxTable: 20 }, { host: new WebAssembly.Instance(host).exports })
  }
  const metered = start(8)
  t.equal(metered.run('own', 8), -1)
  t.equal(metered.run('own', 7), 3)
  t.equal(metered.run('imported', 7), 1)
  t.throws(() => start(9), WebAssembly.LinkError)
})

test('a module that begins with more than allowed is refused', async (t) => {
  const refusal = (text: string) => {
    try {
      meter(wat(text), { ...ample, maxPages: 10, maxTable: 20 })
    } catch (error) {
      return error instanceof MeterRefusal ? error.message.replace(/\d+$/, 'N') : error
    }
    return null
  }
  t.equal(refusal('(module (memory 11))'), 'a memory that begins with 11 pages; 10 are left of 10 at byte N')
  t.equal(
    refusal('(module (memory 6) (memory 5))'),
    'a memory that begins with 5 pages; 4 are left of 10 at byte N',
  )
  t.equal(
    refusal('(module (import "host" "memory" (memory 11)))'),
    'a memory that begins with 11 pages; 10 are left of 10 at byte N',
  )
  t.equal(
    refusal('(module (table 21 funcref))'),
    'a table that begins with 21 entries; 20 are left of 20 at byte N',
  )
  t.equal(refusal(`(module ${'(memory 0)'.repeat(9)})`), '9 memories; 8 are allowed at byte N')
  t.equal(refusal(`(module ${'(memory 1)'.repeat(8)})`), null)
})

import { test } from 'tap'
import type { Model } from '../../../chains/model.ts'
import { testContext, testModel } from '../../../chains/policy/testing.ts'
import type { GuestContext } from '../guest-session.ts'
import { loadGuest, plainOf, type TestGuest, testSpec } from './testing/guest.ts'

const exporter = `pipy({ _own: 1 }).export('auth', { __user: { name: 'nobody' }, __level: 0 }).pipeline()
  .replaceMessage(name => (__user = { name }, __level += 1, __user.name))
  .replaceMessage(() => __user.name + __level)`
const importer = `pipy().import({ __user: 'auth', __level: 'auth' }).pipeline()
  .replaceMessage(() => (__user?.name) + __level)
  .replaceMessage(level => { __level = level })`

const modelOf = (...sources: string[]): Model => ({
  ...testModel(),
  plugins: sources.map((source, index) => testSpec(source, { spec: { name: ['a', 'b'][index] ?? 'c' } })),
})

/** Calls a callback of a plugin for an exchange. */
function run(guest: TestGuest, index: number, context: GuestContext, value: string | number = ''): unknown {
  return plainOf(context.call(guest.fn('replaceMessage', index), 'value', [{ type: 'plain', value }]))
}

test('a plugin reads and writes what another exports, in the same exchange', async (t) => {
  const model = modelOf(exporter, importer)
  for (const isExporterFirst of [true, false]) {
    const load = (source: string, name: string) => loadGuest(source, { model, spec: { name } })
    const first = isExporterFirst ? load(exporter, 'a') : load(importer, 'b')
    const second = isExporterFirst ? load(importer, 'b') : load(exporter, 'a')
    const [a, b] = isExporterFirst ? [first, second] : [second, first]
    const [cx, other] = [testContext(), testContext()]
    const [inA, inB] = [a.open(cx), b.open(cx)]
    t.equal(run(b, 0, inB), 'nobody0')
    t.equal(run(a, 0, inA, 'jo'), 'jo')
    t.equal(run(b, 0, inB), 'jo1')
    run(b, 1, inB, 7)
    t.equal(run(a, 1, inA), 'jo7')
    t.equal(run(a, 1, a.open(other)), 'nobody0', 'another exchange has its own')
    const copy = testContext()
    const clone = a.open(copy, inA)
    t.equal(run(a, 1, clone), 'jo7')
    run(a, 0, clone, 'copy')
    t.equal(run(a, 1, inA), 'jo7')
    first[Symbol.dispose]()
    second[Symbol.dispose]()
  }
})

test('what a plugin may export and import has its limits', async (t) => {
  const model = modelOf(exporter, importer)
  using a = loadGuest(exporter, { model, spec: { name: 'a' } })
  t.throws(
    () => loadGuest("pipy().export('auth', { __user: 1 })", { model, spec: { name: 'b' } }),
    /duplicated variable exporting name: __user of 'auth' is exported by plugin a/,
  )
  t.throws(
    () => loadGuest("pipy().import({ __gone: 'auth' })", { model, spec: { name: 'b' } }),
    /cannot import variable __gone/,
  )
  using again = loadGuest(exporter, { model, spec: { name: 'a', version: 'v2' } })
  t.equal(run(again, 1, again.open()), 'nobody0', 'the next version takes its place')
  using large = loadGuest(
    "pipy().export('large', { __text: '' }).pipeline().replaceMessage(() => { __text = 'x'.repeat(300000) })",
    { model },
  )
  t.throws(
    () => run(large, 0, large.open()),
    /__text is 300002 characters of JSON; an exported variable can have 262144/,
  )
  t.equal(run(a, 1, a.open()), 'nobody0')
})

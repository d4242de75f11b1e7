import { test } from 'tap'
import type { Model } from '../../chains/model.ts'
import { defaultPluginPolicy, type PluginPolicy, type PluginSpec } from '../../chains/plugins.ts'
import type { PluginState } from '../../sandbox/plugin/status.ts'
import { modelOf } from '../../test/support/model.ts'
import { PreviousPlugins } from './previous-plugins.ts'

const all: PluginPolicy = { ...defaultPluginPolicy, onError: 'previous' }
const some: PluginPolicy = { ...defaultPluginPolicy, canary: { percent: 10, header: null } }

const spec = (version: string, policy: PluginPolicy = all, name = 'x'): PluginSpec => ({
  name,
  version,
  language: 'pipyjs',
  source: `pipy() // ${version}`,
  origin: `${name}.js`,
  lineOffset: 0,
  columnOffset: 0,
  sourceMap: null,
  priority: 115,
  policy,
  previous: null,
})

const model = (...plugins: readonly PluginSpec[]): Model => ({ ...modelOf({ upstreams: [] }), plugins })

/** As if nothing had ever failed. */
const withPrevious = (next: Model, serving: Model | null): Model =>
  new PreviousPlugins().carry(next, serving, [])

/** The version of the first plugin, and those before it. */
function versions({ plugins: [first] }: Model): readonly string[] {
  const found: string[] = []
  for (let one: PluginSpec | null = first ?? null; one; one = one.previous) found.push(one.version)
  return found
}

test('a changed plugin gets the version that serves before it, if its policy needs one', (t) => {
  for (const policy of [all, some])
    t.strictSame(versions(withPrevious(model(spec('2', policy)), model(spec('1')))), ['2', '1'])
  const closed = spec('2', defaultPluginPolicy)
  t.strictSame(versions(withPrevious(model(closed), model(spec('1')))), ['2'])
  t.end()
})

test('nothing comes before a plugin that is new, or that has not changed', (t) => {
  t.strictSame(versions(withPrevious(model(spec('1')), null)), ['1'])
  t.strictSame(versions(withPrevious(model(spec('1')), model(spec('1', all, 'other')))), ['1'])
  t.strictSame(versions(withPrevious(model(spec('1')), model(spec('1')))), ['1'])
  t.end()
})

test('an unchanged plugin keeps the one before it over later pushes', (t) => {
  const second = withPrevious(model(spec('2')), model(spec('1')))
  t.strictSame(versions(withPrevious(model(spec('2'), spec('1', all, 'other')), second)), ['2', '1'])
  t.end()
})

test('the same version with another script is another one', (t) => {
  const changed = { ...spec('1'), source: 'pipy() // changed' }
  t.equal(withPrevious(model(changed), model(spec('1'))).plugins[0]?.previous?.source, 'pipy() // 1')
  t.end()
})

test('there is never more than one before, and it is for everyone that the new one is not for', (t) => {
  const second = withPrevious(model(spec('2')), model(spec('1')))
  const third = withPrevious(model(spec('3', some)), second)
  t.strictSame(versions(third), ['3', '2'])
  t.equal(third.plugins[0]?.previous?.policy.canary, null)
  t.end()
})

test('what only some had, or what did not count, does not become what all have', (t) => {
  const second = withPrevious(model(spec('2', some)), model(spec('1')))
  t.strictSame(versions(withPrevious(model(spec('3', some)), second)), ['3', '1'])
  const shadow = model(spec('1', { ...defaultPluginPolicy, mode: 'shadow' }))
  t.strictSame(versions(withPrevious(model(spec('2')), shadow)), ['2'])
  t.end()
})

test('a version before that the config has stays', (t) => {
  const paired = { ...spec('3', some), previous: spec('2') }
  t.strictSame(versions(withPrevious(model(paired), model(spec('1')))), ['3', '2'])
  t.end()
})

const now = (version: string, state: PluginState) => ({ name: 'x', version, role: 'newest', state }) as const

test('a version that has failed over, or cannot be loaded, is no version before', (t) => {
  for (const state of ['failing', 'replaced', 'held back', 'failed'] as const) {
    const previous = new PreviousPlugins()
    const second = previous.carry(model(spec('2')), model(spec('1')), [now('1', 'running')])
    t.strictSame(versions(previous.carry(model(spec('3')), second, [now('2', state)])), ['3', '1'])
    t.strictSame(versions(previous.carry(model(spec('3', some)), second, [now('2', state)])), ['3', '1'])
    const statuses = [
      now('2', 'running'),
      now('2', state),
      { ...now('1', 'failed'), role: 'previous' } as const,
    ]
    t.strictSame(versions(previous.carry(model(spec('3')), second, statuses)), ['3', '1'], 'in one worker')
  }
  t.end()
})

test('that a version has failed is remembered over pushes that keep it, and forgotten with it', (t) => {
  const previous = new PreviousPlugins()
  const second = previous.carry(model(spec('2')), model(spec('1')), [])
  const edited = previous.carry(model(spec('2'), spec('1', all, 'other')), second, [now('2', 'replaced')])
  t.strictSame(versions(previous.carry(model(spec('3')), edited, [now('2', 'running')])), ['3', '1'])
  previous.carry(model(), edited, [])
  previous.carry(model(spec('2')), model(), [])
  t.strictSame(versions(previous.carry(model(spec('3')), model(spec('2')), [])), ['3', '2'])
  t.end()
})

test('the last version that all had outlives those that needed none before them', (t) => {
  const shadow = withPrevious(model(spec('2', { ...defaultPluginPolicy, mode: 'shadow' })), model(spec('1')))
  t.strictSame(versions(withPrevious(model(spec('3', some)), shadow)), ['3', '1'])
  const previous = new PreviousPlugins()
  const closed = previous.carry(model(spec('2', defaultPluginPolicy)), model(spec('1')), [
    now('1', 'replaced'),
  ])
  t.strictSame(versions(closed), ['2'])
  t.end()
})

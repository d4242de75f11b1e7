import { test } from 'tap'
import { PluginError, PluginFault } from '../../plugin/contract.ts'
import { evaluated, loadCallback, loadGuest, plainOf } from './testing/guest.ts'

/** What a callback that is only this expression throws. */
function thrownBy(expression: string): string {
  try {
    return `nothing, but gave ${String(evaluated(expression))}`
  } catch (thrown) {
    if (thrown instanceof PluginError) return thrown.message
    throw thrown
  }
}

test('own variables belong to the exchange that is being worked for', async (t) => {
  using loaded = loadCallback('() => (_count += 1)', { variables: '_count: 0' })
  const [one, two] = [loaded.guest.open(), loaded.guest.open()]
  t.equal(plainOf(loaded.call([], 'value', one)), 1)
  t.equal(plainOf(loaded.call([], 'value', one)), 2)
  t.equal(plainOf(loaded.call([], 'value', two)), 1)
  t.equal(plainOf(loaded.call([], 'value', one)), 3)
})

test('a cached closure sees the variables of whoever calls it', async (t) => {
  using guest = loadGuest(`((cache = new algo.Cache(() => () => _name)) =>
    pipy({ _name: '' }).pipeline()
      .replaceMessage(() => (_name = 'first', cache.get('rule')()))
      .replaceMessage(() => (_name = 'second', cache.get('rule')()))
      .replaceMessage(() => cache.get('rule')())
  )()`)
  const [one, two] = [guest.open(), guest.open()]
  t.equal(plainOf(one.call(guest.fn('replaceMessage', 0), 'value', [])), 'first')
  t.equal(plainOf(two.call(guest.fn('replaceMessage', 1), 'value', [])), 'second')
  t.equal(plainOf(one.call(guest.fn('replaceMessage', 2), 'value', [])), 'first')
})

test('an undeclared name is an error, and assigning to one leaves no global', async (t) => {
  t.match(thrownBy('oops'), 'ReferenceError: unresolved identifier oops')
  t.match(thrownBy('(oops = 1)'), 'unresolved identifier oops: only declared variables can be assigned to')
  t.match(thrownBy('oops++'), 'unresolved identifier oops')
  t.match(thrownBy('[oops] = [1]'), 'unresolved identifier oops')
  t.match(thrownBy('(() => { for (oops of [1]); })()'), 'unresolved identifier oops')
  t.equal(evaluated("(() => { try { oops = 1 } catch {} return 'oops' in globalThis })()"), false)
})

test('errors say where in the author’s file they came about', async (t) => {
  using guest = loadGuest('pipy().pipeline()\n  .replaceMessage(() =>\n    oops)', {
    spec: { origin: 'plugins.yaml', lineOffset: 7, columnOffset: 6 },
  })
  const message = 'plugin tested (v1) at plugins.yaml:10:11: ReferenceError: unresolved identifier oops'
  t.throws(() => guest.open().call(guest.fn('replaceMessage'), 'value', []), { message })
})

test('the type of an undeclared name can be asked for', async (t) => {
  t.equal(evaluated('typeof oops'), 'undefined')
  t.equal(evaluated("typeof (oops) === 'object' ? oops.x : 'none'"), 'none')
  t.equal(evaluated('typeof algo'), 'object')
})

test('names outside of PipyJS and JavaScript are not there', async (t) => {
  for (const name of [
    'process',
    'require',
    'host',
    'eval',
    'setTimeout',
    '__scope__',
    'scriptArgs',
    'std',
    'os.open',
  ]) {
    t.match(thrownBy(`${name}.x`), /unresolved identifier|not there|undefined/, name)
  }
})

test('globals cannot be replaced', async (t) => {
  t.equal(
    evaluated(
      '(() => { Math = 5; pipy = 6; algo.Cache = 7; return typeof Math + typeof pipy + typeof algo.Cache })()',
    ),
    'objectfunctionfunction',
  )
})

test('what the script itself declares at its top is there', async (t) => {
  using guest = loadGuest(`
    var one = 1
    const two = 2
    function three() { return 3 }
    let sum
    sum = one + two
    pipy().pipeline().replaceMessage(() => (one = one + 1, sum + three() + one))`)
  t.equal(plainOf(guest.open().call(guest.fn('replaceMessage'), 'value', [])), 8)
})

test('variables have no value while the script is loaded', async (t) => {
  const load = (source: string) => () => loadGuest(source)
  t.throws(load('((c = pipy({ _a: 1 })) => (_a, c))()'), PluginFault)
  t.throws(load('((c = pipy({ _a: 1 })) => (_a, c))()'), /_a has no value while the script is loaded/)
  t.throws(load('pipy({ _a: __inbound })'), /__inbound has no value/)
})

test('__filename is the path of the plugin, and cannot be changed', async (t) => {
  t.equal(evaluated('__filename', { spec: { name: 'cors-policy' } }), '/plugins/cors-policy.js')
  t.equal(evaluated('__filename.slice(9, -3)', { spec: { name: 'cors-policy' } }), 'cors-policy')
  t.match(thrownBy("(__filename = 'x')"), '__filename cannot be assigned to')
})

test('a variable whose initial value is undefined is declared all the same', async (t) => {
  t.equal(evaluated('_later === undefined && (_later = 5, _later)', { variables: '_later: undefined' }), 5)
  t.equal(evaluated('(Math = 3, Math)', { variables: 'Math: null' }), 3)
})

test('no text of a script breaks out of what is around it', async (t) => {
  const sources = [
    '}}} globalThis.out = 1; with ({}) { with ({}) { with ({}) { pipy()',
    'pipy() } {',
    'pipy() /*',
    'pipy() `',
    'pipy() }); (() => {',
    'return pipy()',
  ]
  for (const source of sources) t.throws(() => loadGuest(source), PluginFault, source)
  for (const source of [
    'pipy() // }',
    '#!/usr/bin/pipy\npipy()',
    "'use strict'\npipy()",
    'pipy()\n<!-- }}}',
  ]) {
    t.doesNotThrow(() => loadGuest(source)[Symbol.dispose](), source)
  }
})

test('the scope that a function is found in is of no use to it', async (t) => {
  const leak = `(_leak = function () { return this }, _leak().stolen = 1, typeof stolen)`
  t.equal(evaluated(leak, { variables: '_leak: null' }), 'undefined')
  const swap =
    'Reflect.setPrototypeOf(_leak(), { stolen: 1 }) || Reflect.defineProperty(_leak(), "_leak", { value: 1 })'
  t.equal(evaluated(`(_leak = function () { return this }, ${swap})`, { variables: '_leak: null' }), false)
})

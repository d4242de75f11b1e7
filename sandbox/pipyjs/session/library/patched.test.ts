import { test } from 'tap'
import { evaluate } from './testing/evaluate.ts'

/** Replaces everything that prototypes of the language have by something that throws, and gives a function that puts it back. */
const patch = `(() => {
  const originals = []
  const kinds = [String, Array, RegExp, Map, WeakMap, Number, FinalizationRegistry]
  const prototypes = kinds.map(kind => kind.prototype)
  const more = [Object.getPrototypeOf([][Symbol.iterator]()), Object.getPrototypeOf(new Map().keys())]
  prototypes[prototypes.length] = more[0]
  prototypes[prototypes.length] = more[1]
  const define = Object.defineProperty, describe = Object.getOwnPropertyDescriptor
  for (let at = 0; at < prototypes.length; at++) {
    const prototype = prototypes[at]
    const names = Reflect.ownKeys(prototype)
    for (let index = 0; index < names.length; index++) {
      const name = names[index]
      const descriptor = describe(prototype, name)
      // Templates of QuickJS are put together by it.
      if (name === 'constructor' || name === 'concat' || typeof descriptor.value !== 'function') continue
      originals[originals.length] = { prototype, name, descriptor }
      const value = () => { throw new Error('patched ' + String(name)) }
      define(prototype, name, { value, writable: true, configurable: true, enumerable: false })
    }
  }
  return () => { for (let at = 0; at < originals.length; at++) define(originals[at].prototype, originals[at].name, originals[at].descriptor) }
})()`

test('a script that spoils the prototypes of the language spoils none of ours', (t) => {
  const rows: Record<string, unknown> = {
    'YAML.parse(\'a: [1, {b: "x"}]\\nc:\\n  - d: >\\n      e\\n      f\\n\')': {
      a: [1, { b: 'x' }],
      c: [{ d: 'e f\n' }],
    },
    "YAML.stringify({ a: [1, 'x: y'], b: {} })": 'a:\n  - 1\n  - "x: y"\nb: {}\n',
    'XML.stringify(XML.parse(\'<a b="1">x&amp;y<c/></a>\'))': `${'<?xml version="1.0" encoding="UTF-8"?><a b="1">\nx'.replace('\n', '')}&amp;y<c/></a>`,
    "new IP('::1').toString()": '::1',
    "new Netmask('10.0.0.0/8').contains('10.1.1.1')": true,
    "new Netmask('2001:db8::/32').last": '2001:db8:ffff:ffff:ffff:ffff:ffff:fffe',
    "new URL('http://a:b@c:1/d?e=f#g').hostname": 'c',
    "new URLSearchParams('a=1&b=%20').toString()": 'a=1&b=%20',
    "new http.Match('/a/{b}/*')('/a/1/2/3')": { b: '1', '*': '2/3' },
    "(h => (h.update('x'), h.digest('hex')))(new crypto.Hash('md5'))": '9dd4e461268c8034f5c8564e155c67a6',
    "new crypto.JWT('a.b.c').isValid": false,
    "new crypto.JWT('eyJhbGciOiJIUzI1NiJ9.e30.lH-kT7OB6ctXF7lHqYKDnoWZXYZiYSDuRtDHZkOoyBc').verify('s')": false,
    "(b => b.select() + b.select() + b.borrow({}).id)(new algo.RoundRobinLoadBalancer(['x', 'y']))": 'xyx',
    '(b => b.select() + b.select())(new algo.LeastWorkLoadBalancer({ x: 1, y: 1 }))': 'xy',
    "new algo.HashingLoadBalancer(['x']).select('k')": 'x',
    '(p => p.allocate("t").n)(new algo.ResourcePool(() => ({ n: 1 })))': 1,
    "(m => (m.set('a', 1), m.get('a')))(new algo.SharedMap('x'))": 1,
    'new algo.Quota(5).consume(2)': 2,
    "(c => (c.withLabels('a', 'b').increase(), true))(new stats.Counter('c', ['d', 'e']))": true,
    "zlib.gunzip(zlib.gzip('text')).toString()": 'text',
  }
  const results = evaluate(
    Object.keys(rows).map(
      (expression) => `(() => {
      const restore = ${patch}
      try { return ${expression} } finally { restore() }
    })()`,
    ),
  )
  Object.entries(rows).forEach(([expression, expected], at) => {
    t.same(results[at], expected, expression)
  })
  t.end()
})

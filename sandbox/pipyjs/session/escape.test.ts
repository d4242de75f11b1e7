import { test } from 'tap'
import { testContext, testModel } from '../../../chains/policy/testing.ts'
import {
  evaluated,
  loadCallback,
  loadGuest,
  plainOf,
  requestHead,
  sentBy,
  starting,
  whole,
} from './testing/guest.ts'

/** Ways of a script to spoil what its guest is built on. None may do more than break the script itself. */
const spoilings: Readonly<Record<string, string>> = {
  'array methods':
    "for (const name of ['push', 'map', 'slice', 'forEach', 'includes', 'find', 'shift']) Array.prototype[name] = () => { throw 1 }",
  'array elements': "Object.defineProperty(Array.prototype, 0, { set() { throw 1 }, get() { return 'x' } })",
  'map methods': "for (const name of ['get', 'set', 'delete']) Map.prototype[name] = () => ({ evil: 1 })",
  'JSON hooks':
    'Object.prototype.toJSON = String.prototype.toJSON = Array.prototype.toJSON = () => ({ fields: 5 })',
  'getters on everything':
    "for (const name of ['head', 'headers', 'status', 'kind', 'fn', 'length', 'value']) Object.defineProperty(Object.prototype, name, { get() { return 1 }, set() {}, configurable: true })",
  promises:
    'Promise.prototype.then = () => 5; Object.defineProperty(Promise, Symbol.species, { value: Object })',
  symbols: "Object.defineProperty(Object.prototype, Symbol.toPrimitive, { value: () => '__proto__' })",
  iteration: 'Array.prototype[Symbol.iterator] = function* () { for (;;) yield 1 }',
  'weak references': 'WeakRef.prototype.deref = () => ({})',
  functions:
    'Function.prototype.call = Function.prototype.apply = () => 7; Function.prototype.toString = () => "x => 1"',
  objects:
    "Object.keys = () => ['__proto__', 'constructor']; Object.defineProperty = () => ({}); Object.assign = () => 1",
  instances:
    'Object.defineProperty(Data, Symbol.hasInstance, { value: () => true }); Object.defineProperty(Message, Symbol.hasInstance, { value: () => true })',
  'classes of ours':
    'Data.prototype.emit = () => {}; Data.prototype.toBuffer = () => ({}); MessageStart.prototype.head = 5',
}

test('a script that spoils what is built in harms nobody but itself', async (t) => {
  for (const [name, spoiling] of Object.entries(spoilings)) {
    using neighbour = loadCallback('msg => new Message({ status: 200 }, msg.head.headers.host)')
    using loaded = loadCallback(`msg => { if (!globalThis.done) { globalThis.done = true; ${spoiling} }
      msg.head.headers['x-a'] = 1; return [msg, new Message({ status: 200, headers: { a: 'b' } }, 'x')] }`)
    for (let round = 0; round < 3; round += 1) {
      const head = requestHead(['Host', 'a'])
      const context = loaded.guest.open()
      try {
        sentBy(loaded.call([whole(head, 'body')], 'events', context))
      } catch {
        // Whatever it is, it is an error of this exchange.
      }
      context.close()
      t.equal(head.headers.get('host'), 'a', name)
      t.strictSame(sentBy(neighbour.call([starting(requestHead(['Host', 'b']))], 'events')).length, 3)
    }
  }
  t.equal(({} as Record<string, unknown>).evil, undefined)
  t.equal((Object.prototype as unknown as Record<string, unknown>).toJSON, undefined)
})

test('headers may have the names of what every object has', async (t) => {
  const odd = ['__proto__', 'x', 'constructor', 'y', 'toString', 'z', 'hasOwnProperty', 'w', 'then', 'v']
  using loaded =
    loadCallback(`msg => (h => [h.__proto__, h.constructor, h.tostring, h['toString'], h['hasownproperty'], h.then,
    Object.keys(h).join('+'), '__proto__' in h].join())(msg.head.headers)`)
  t.equal(
    plainOf(loaded.call([starting(requestHead(odd))])),
    'x,y,z,z,w,v,__proto__+constructor+tostring+hasownproperty+then,true',
  )
  const head = requestHead()
  using writing = loadCallback(
    "msg => { const h = msg.head.headers; h['__proto__'] = 'p'; h.constructor = 'c'; h.__proto__ = { x: 1 }; Object.assign(h, JSON.parse('{\"__proto__\":\"q\"}')); Reflect.setPrototypeOf(h, null); return h.x }",
  )
  t.equal(plainOf(writing.call([starting(head)])), undefined)
  t.strictSame(head.headers.fields, ['__proto__', 'q', 'constructor', 'c'])
  using made = loadCallback(
    '() => new Message({ status: 200, headers: JSON.parse(\'{"__proto__":"p","constructor":"c"}\'), [\'__proto__\']: 5, constructor: 6 })',
  )
  t.strictSame(sentBy(made.call([], 'events')), ['start 200 __proto__=p constructor=c', 'end'])
})

test('huge and odd keys are no names of headers', async (t) => {
  const run = (statement: string) => {
    using loaded = loadCallback(`msg => { const h = msg.head.headers; ${statement} }`)
    const head = requestHead(['a', '1'])
    const result = loaded.call([starting(head)])
    return [plainOf(result), head.headers.size]
  }
  t.strictSame(run("return h['x'.repeat(1e6)]"), [undefined, 1])
  t.strictSame(
    run('h[Symbol("s")] = 1; h[Symbol.iterator] = 2; return String(h[Symbol("s")]) + h[Symbol.iterator]'),
    ['undefinedundefined', 1],
  )
  t.strictSame(run('return String(h[5]) + (5 in h) + delete h[5]'), ['undefinedfalsetrue', 1])
  t.throws(() => run("h['x'.repeat(1e6)] = '1'"), /is no name of a header/)
  t.throws(() => run("h['ü'] = '1'"), /is no name of a header/)
  t.throws(() => run('Object.freeze(h)'), /proxy/)
  t.throws(() => run("Object.defineProperty(h, 'x', { get() { return 1 } })"), /proxy/)
  t.strictSame(run("for (let n = 0; n < 3000; n += 1) h['x-' + n]; return h.a"), ['1', 1])
})

test('what one call writes into heads has a bound, and so has what it sends', async (t) => {
  const run = (callback: string) => {
    using loaded = loadCallback(callback, { limits: { memoryMiB: 16 } })
    return loaded.call([starting(requestHead())], 'events')
  }
  t.throws(
    () => run("msg => { for (let n = 0; ; n += 1) msg.head.headers['x' + n % 9] = 'v'.repeat(1000) }"),
    /one call can write 1048576 characters into heads/,
  )
  t.throws(
    () => run("msg => { for (let n = 0; ; n += 1) msg.head['x' + n] = n }"),
    /write 1048576 characters|a head has at most 100 properties/,
  )
  t.throws(
    () =>
      run(
        '() => { const many = []; for (let n = 0; n < 20000; n += 1) many.push(new StreamEnd); return many }',
      ),
    /one call can send 10000 events/,
  )
  t.throws(
    () =>
      run(
        "() => { const data = new Data('x'.repeat(1e6)); const many = []; for (let n = 0; n < 100; n += 1) many.push(data); return many }",
      ),
    /one call can send 16777216 bytes/,
  )
  t.throws(
    () => run('() => { let nested = []; for (let n = 0; n < 50; n += 1) nested = [nested]; return nested }'),
    /an object that is none/,
  )
  t.throws(() => run('() => { const self = []; self.push(self); return self }'), /an object that is none/)
  t.throws(
    () => run("() => new Message({ status: 200, note: 'x'.repeat(70000) })"),
    /the properties of a head are at most 65536 characters/,
  )
})

test('results that fight back are errors or nothing', async (t) => {
  const sending = (expression: string) => {
    using loaded = loadCallback(`() => (${expression})`)
    return sentBy(loaded.call([], 'events'))
  }
  t.throws(() => sending('new Proxy({}, { get() { throw new Error("trap") } })'), /none|trap/)
  t.throws(() => sending('new Proxy([], { get() { throw new Error("trap") } })'), /trap/)
  t.throws(() => sending('new Message({ get status() { throw new Error("getter") } })'), /getter/)
  t.throws(
    () => sending("new MessageStart({ headers: new Proxy({}, { ownKeys() { throw new Error('keys') } }) })"),
    /keys/,
  )
  t.throws(() => sending("new MessageEnd(null, { toJSON() { throw new Error('json') } })"), /json/)
  t.throws(() => sending('Object.create(Data.prototype)'), /TypeError/)
  t.strictSame(sending('new MessageStart(new Proxy({ status: 201 }, {}))'), ['start 201'])
  const value = (expression: string) => {
    using loaded = loadCallback(`() => (${expression})`)
    return loaded.call()
  }
  t.equal(value('new Proxy({}, { get() { throw 1 }, ownKeys() { throw 1 } })').type, 'object')
  t.throws(() => value('Symbol("s")'), /is no value that can be used here/)
  t.throws(() => value('10n'), /is no value that can be used here/)
  t.throws(() => value('new Array(20000).fill(0)'), /an array of 20000 elements is over the 10000/)
})

test('numbers that a script forges lead nowhere', async (t) => {
  using loaded = loadCallback(`msg => {
    const symbols = [msg, msg.head, msg.head.headers].flatMap(one => Object.getOwnPropertySymbols(one))
    for (const symbol of symbols) for (const value of [99, -1, 1e300, 'x', {}, null, NaN]) {
      try { msg[symbol] = value; msg.head[symbol] = value; msg.head.headers[symbol] = value } catch {}
    }
    return [symbols.length, Object.getOwnPropertyNames(msg), msg.head.path].join()
  }`)
  const head = requestHead(['a', '1'])
  t.equal(plainOf(loaded.call([starting(head)])), '0,head,/cart?id=1')
  t.equal(head.headers.get('a'), '1')
})

test('config objects, tokens and errors carry nothing of the host', async (t) => {
  const model = { ...testModel(), script: { a: { b: 1 } } }
  using guest = loadGuest(
    `pipy().pipeline().replaceMessage(() => {
      const config = pipy.solve('config.js')
      const up = [config, config.a, __inbound, new Error, globalThis].map(one => one.constructor.constructor)
      const reached = up.map(F => { try { return F('return typeof process + typeof require + typeof host')() } catch (e) { return e.message } })
      try { pipy.exec('ls') } catch (error) { reached.push(error.constructor === Error, error.constructor.constructor === Function) }
      return reached.join()
    })`,
    { model },
  )
  t.equal(
    plainOf(guest.open(testContext()).call(guest.fn('replaceMessage'), 'value', [])),
    `${Array(5).fill('undefinedundefinedundefined').join()},true,true`,
  )
  t.equal(
    evaluated(
      '(() => { let names = []; for (let at = globalThis; at; at = Object.getPrototypeOf(at)) names.push(...Object.getOwnPropertyNames(at)); return names.filter(name => /host|boot|scope|print|require|std/i.test(name)).join() })()',
    ),
    '',
  )
})

test('a script cannot import, load modules, or evaluate its way out', async (t) => {
  t.match(
    String(evaluated("(globalThis.eval('typeof host') + Function('return typeof connectHost')())")),
    'undefinedundefined',
  )
  using loaded = loadCallback(
    "async () => { try { return await import('./host.ts') } catch (error) { return error.message } }",
  )
  t.match(String(plainOf(loaded.call())), /no module|could not|import/)
})

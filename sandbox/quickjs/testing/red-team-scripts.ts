/** Ways of a script to be a nuisance: its name in the table, and what it runs. */
export interface HostileScript {
  readonly name: string
  readonly source: string
}

type Table = Readonly<Record<string, string>>

const loops: Table = {
  'endless loop': 'for (;;);',
  'loop that catches everything': 'for (;;) { try { for (;;); } catch {} finally { continue } }',
  'regex (a+)+$': '/(a+)+$/.test("a".repeat(40) + "b")',
  'regex with nested choices': '/^(([a-z]|[a-y])+[a-z])+$/.test("a".repeat(60) + "!")',
  'regex of 200 optional parts': 'new RegExp("a?".repeat(200) + "a".repeat(200)).test("a".repeat(200))',
  'regex with a back reference': 'for (;;) /^(.*?)*\\1$/.test("ab".repeat(20000))',
  "new Array(2e8) + ''": 'new Array(2e8) + ""',
  'join of a sparse array': 'const a = []; a[4e9] = 1; a.join()',
  'forEach over a sparse array': 'const a = []; a.length = 2 ** 32 - 1; a.forEach(() => {})',
  'indexOf in 2^53 elements': 'Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)',
  'reverse of 2^53 elements': 'Array.prototype.reverse.call({ length: 2 ** 53 - 1 })',
  'copyWithin of 2^53 elements': 'Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 1, 0)',
  'sort of 2^53 elements': 'Array.prototype.sort.call({ length: 2 ** 53 - 1 })',
  'concat of 2^53 elements': '[].concat({ length: 2 ** 53 - 1, [Symbol.isConcatSpreadable]: true })',
  'sort with a random order':
    'const a = Array.from({ length: 1e6 }, Math.random); for (;;) a.sort(() => Math.random() - 0.5)',
  'sort of 8 MiB of bytes': 'const a = new Uint8Array(8 << 20); for (;;) { a.fill(7); a[5] = 1; a.sort() }',
  'indexOf in a text, quadratic': 'const s = "a".repeat(2e6); s.indexOf("a".repeat(1e6) + "b")',
  'localeCompare for ever': 'const s = "ä".repeat(1e6); for (;;) s.localeCompare(s + "x")',
  'normalize for ever': 'const s = "e\\u0301".repeat(1e6); for (;;) s.normalize("NFC").normalize("NFD")',
  'padEnd for ever': 'for (;;) "".padEnd(8e6, "ab")',
  'encodeURIComponent for ever':
    'const s = "é".repeat(1e6); for (;;) decodeURIComponent(encodeURIComponent(s))',
  'replaceAll that grows': 'let s = "a"; for (;;) s = s.replaceAll("a", "aaaa")',
  'split and join': 'const s = "a,".repeat(3e5); for (;;) s.split(",").join(";")',
  'JSON of a graph with 2^30 paths':
    'let o = {}; for (let i = 0; i < 30; i++) o = { a: o, b: o }; JSON.stringify(o)',
  'JSON.parse for ever': 'const s = "[" + "1,".repeat(1e5) + "1]"; for (;;) JSON.parse(s)',
  'flat of a graph': 'let a = [1]; for (let i = 0; i < 40; i++) a = [a, a]; a.flat(Infinity)',
  'iterator that never ends': 'Array.from((function* () { for (;;) yield 1 })())',
  'destructuring without end': 'const [...a] = { *[Symbol.iterator]() { for (;;) yield 1 } }',
  'Math.max of 1e8': 'Math.max(...new Array(1e8))',
  'BigInt 7n ** 200000n as text': '(7n ** 200000n).toString()',
  'BigInt that squares itself': 'let n = 3n; for (;;) n *= n',
  'BigInt of a million digits': 'for (;;) BigInt("9".repeat(1e6))',
  'BigInt division': 'const a = 1n << 900000n, b = (1n << 450000n) - 1n; for (;;) a / b',
  '8 MiB of source': 'eval("x = 1;".repeat(1.4e6))',
  'Function made for ever': 'for (;;) new Function("a".repeat(1000), "return 1")',
  'regexes made for ever': 'for (let i = 0; ; i++) new RegExp("(a|b){0,50}".repeat(50) + i)',
  'parseFloat of long numbers': 'const s = "1".repeat(1e6); for (;;) parseFloat(s)',
  'dates for ever': 'for (;;) new Date(2020, 1, 1).toLocaleString()',
}

const memory: Table = {
  'array that grows': 'const a = []; for (;;) a.push({})',
  'buffers that are kept': 'const a = []; for (;;) a.push(new ArrayBuffer(1e6))',
  'out of memory, caught': 'const a = []; for (;;) { try { a.push(new ArrayBuffer(1e6)) } catch {} }',
  'text that doubles': 'let s = "ab"; for (;;) s = s + s + s.charAt(s.length - 1)',
  'text repeated to 2^30': '"x".repeat(2 ** 30 - 2).charCodeAt(5)',
  'texts joined': 'const a = new Array(1e6).fill("x".repeat(1e6)); a.join("")',
  'map that grows': 'const m = new Map(); for (let i = 0; ; i++) m.set(i, i)',
  'property names': 'const o = {}; for (let i = 0; ; i++) o["key" + i] = i',
  'symbols registered': 'for (let i = 0; ; i++) Symbol.for("s" + i)',
  'closures in a chain': 'let f = () => 1; for (;;) { const g = f; f = () => g() }',
  'Array(1e9).fill(0)': 'new Array(1e9).fill(0)',
  'Uint8Array of 2 GiB': 'new Uint8Array(2 ** 31 - 1)',
  'errors kept with their stacks': 'const a = []; for (;;) a.push(new Error("x".repeat(1000)))',
  'proxies kept': 'const a = []; for (;;) a.push(new Proxy({}, {}))',
  'regexes kept': 'const a = []; for (let i = 0; ; i++) a.push(new RegExp("(x{1,20}){1,20}" + i))',
  'generators kept':
    'const a = []; function* g() { yield 1 } for (;;) { const i = g(); i.next(); a.push(i) }',
  'promises that never settle': 'const a = []; for (;;) a.push(new Promise(() => {}).then(() => {}))',
  'cycles of buffers': 'for (;;) { const o = { b: new ArrayBuffer(1e5) }; o.o = o }',
}

const stack: Table = {
  'function that calls itself': 'function f() { return f() + 1 } f()',
  'recursion, caught at each level': 'function f() { try { f() } catch { f() } } f()',
  'getter that reads itself': 'const o = { get a() { return this.a } }; o.a',
  'setter that sets itself': 'const o = { set a(v) { this.a = v } }; o.a = 1',
  'proxy that reads itself': 'const p = new Proxy({}, { get: (t, k) => p[k] }); p.x',
  'proxies in a chain': 'let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x',
  'prototypes in a chain': 'let o = {}; for (let i = 0; i < 1e5; i++) o = Object.create(o); for (;;) o.x',
  'bound functions in a chain': 'let f = () => 1; for (let i = 0; i < 1e5; i++) f = f.bind(null); f()',
  'toJSON that calls stringify': 'const o = { toJSON() { return JSON.stringify(o) } }; JSON.stringify(o)',
  'deep array to JSON': 'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; JSON.stringify(a)',
  'deep JSON parsed': 'JSON.parse("[".repeat(1e6))',
  'comparator that sorts': 'const f = () => [3, 1, 2].sort(f).length; f()',
  'toString that concatenates': 'const o = { toString() { return "" + o } }; "" + o',
  'Symbol.toPrimitive that adds': 'const o = { [Symbol.toPrimitive]() { return o + 1 } }; o + 1',
  'replacer that replaces': 'const f = () => "a".replace("a", f); f()',
  'generator that delegates to itself': 'function* g() { yield* g() } g().next()',
  '100,000 parentheses': 'eval("(".repeat(1e5) + ")".repeat(1e5))',
  '100,000 groups in a regex': 'new RegExp("(".repeat(1e5) + ")".repeat(1e5))',
  '100,000 unary minuses': 'eval("- ".repeat(1e5) + "1")',
  '100,000 nested blocks': 'eval("{".repeat(1e5) + "}".repeat(1e5))',
  'list of 100,000, freed for ever': 'for (;;) { let l = null; for (let i = 0; i < 1e5; i++) l = { l } }',
  'class that extends in a chain':
    'let C = class {}; for (let i = 0; i < 1e4; i++) C = class extends C {}; new C()',
}

const jobs: Table = {
  'promise chain without end': 'const f = () => Promise.resolve().then(f); f()',
  'promises that fork': 'const f = () => { Promise.resolve().then(f); Promise.resolve().then(f) }; f()',
  'async loop': '(async () => { for (;;) await 0 })()',
  'async loop that catches': '(async () => { for (;;) { try { await Promise.reject(1) } catch {} } })()',
  'job that never ends': 'Promise.resolve().then(() => { for (;;); })',
  'job that catches and goes on': 'const f = async () => { try { for (;;); } finally { f() } }; f()',
  'async generator':
    '(async () => { for await (const x of (async function* () { for (;;) yield 1 })()); })()',
  'thenable that resolves to itself': 'const t = { then(r) { r(t) } }; Promise.resolve(t)',
  'Promise.all of an endless iterator': 'Promise.all({ *[Symbol.iterator]() { for (;;) yield 1 } })',
  'async function that calls itself': 'const f = async () => { await f() }; f()',
  'registry that starts again':
    'const r = new FinalizationRegistry(() => f()); const f = () => { for (let i = 0; i < 100; i++) r.register({}, i) }; f()',
}

const tricks: Table = {
  'result with an endless toString': '({ toString() { for (;;); }, valueOf() { for (;;); } })',
  'result that is a proxy': 'new Proxy({}, { get() { for (;;); }, getPrototypeOf() { for (;;); } })',
  'thrown: endless message': 'throw { get message() { for (;;); }, get stack() { for (;;); } }',
  'thrown: a proxy with endless traps': 'throw new Proxy({}, { getOwnPropertyDescriptor() { for (;;); } })',
  'thrown: a message of 16 million': 'throw new Error("x".repeat(16e6))',
  'thrown: a huge BigInt': 'throw 3n ** 600000n',
  'thrown: a stack of 16 million': 'const e = new Error(); e.stack = " at x (y:1:1)\\n".repeat(1e6); throw e',
  'Error.prepareStackTrace': 'Error.prepareStackTrace = () => { for (;;); }; null.x',
  'getters on Error.prototype':
    'for (const k of ["name", "message", "stack"]) Object.defineProperty(Error.prototype, k, { get() { for (;;); }, set() { for (;;); } }); throw new Error()',
  'setter for the message of refusals':
    'Object.defineProperty(Error.prototype, "message", { set() { for (;;); } }); refuse()',
  'built-ins replaced, then thrown':
    'for (const o of [Object, Reflect, String.prototype, Array.prototype, Function.prototype]) for (const k of Reflect.ownKeys(o)) try { o[k] = () => { for (;;); } } catch {} throw new Error("x")',
  'host called for ever': 'for (;;) add(1, 2)',
  'host called with a text of 8 million': 'const s = "é€".repeat(4e6); for (;;) length(s)',
  'host called at the end of the stack':
    'function f() { add(1, 2); f(); add(1, 2) } for (;;) try { f() } catch {}',
}

/** Every script that has to be stopped, or to come to nothing. */
export const hostileScripts: readonly HostileScript[] = [loops, memory, stack, jobs, tricks].flatMap(
  (table) => Object.entries(table).map(([name, source]) => ({ name, source })),
)

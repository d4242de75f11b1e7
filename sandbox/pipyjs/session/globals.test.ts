import { test } from 'tap'
import { recordingTools, testModel } from '../../../chains/policy/testing.ts'
import { evaluated, type GuestOptions, loadCallback, loadGuest } from './testing/guest.ts'

/** What a list of expressions gives, in one guest. */
function all(expressions: readonly string[], options: GuestOptions = {}): unknown {
  const list = expressions.map((expression) => `() => (${expression})`).join()
  const text = evaluated(
    `JSON.stringify([${list}].map(one => { try { return one() } catch (error) { return '! ' + error.message } }))`,
    options,
  )
  return JSON.parse(String(text))
}

test('a cache makes what it is asked for, once for each key', async (t) => {
  t.strictSame(
    all([
      '(made => (c => [c.get(1), c.get(1), c.get("1"), made.length].join())(new algo.Cache(key => (made.push(key), "v" + key))))([])',
      '((c, a, b) => [c.get(a) === c.get(a), c.get(a) === c.get(b)].join())(new algo.Cache(() => ({})), {}, {})',
      '(c => [c.get(1), c.has(1), c.find(1) === undefined, c.find(2) === undefined].join())(new algo.Cache(() => undefined))',
      '(c => (c.set(1, "x"), [c.get(1), c.remove(1), c.remove(1), c.find(1)].join()))(new algo.Cache)',
      '(freed => (c => (c.get(1), c.get(2), c.get(3), freed.join()))(new algo.Cache(k => k * 2, (k, v) => freed.push(k + ":" + v), { size: 2 })))([])',
      '(freed => (c => (c.get(1), c.get(2), c.get(1), c.get(3), c.clear(), freed.join()))(new algo.Cache(k => k, k => freed.push(k), { size: 2 })))([])',
    ]),
    ['v1,v1,v1,2', 'true,false', ',true,true,true', 'x,true,false,', '1:2', '2,1,3'],
  )
})

test('a cache forgets in time, and never grows without end', async (t) => {
  t.equal(
    evaluated(
      '(c => { c.get(1); const end = Date.now() + 30; while (Date.now() < end); return c.has(1) })(new algo.Cache(k => k, { ttl: 0.01 }))',
    ),
    false,
  )
  t.equal(
    evaluated(
      '(c => { for (let n = 0; n < 10005; n += 1) c.get(n); return c.has(4) + "/" + c.has(5) })(new algo.Cache(k => k))',
    ),
    'false/true',
  )
})

test('a router finds by host and path', async (t) => {
  const router = `((r, f = (...parts) => String(r.find(...parts))) => [
    f('a.com', '/get'), f('a.com:8080', '/get?x=1'), f('A.com', '/get/'), f('a.com', '/api/v1/x'), f('a.com', '/api/v2'),
    f('b.com', '/api/x'), f('x.b.com', '/'), f('y.x.b.com', '/'), f('any', '/free'), f('any', '/free/1'), f(null, 'a.com', 'get'), f('any', '/none')
  ].join())(new algo.URLRouter({ 'a.com/get': 1, 'a.com/api/*': 2, 'a.com/api/v1/*': 3, '*.b.com/*': 4, '/free/*': 5, '/free': 6 }))`
  t.equal(evaluated(router), '1,1,undefined,3,2,undefined,4,undefined,6,5,1,undefined')
  t.strictSame(all(["new algo.URLRouter({ 'a.com': 1 })", "new algo.URLRouter({ 'a.com:80/': 1 })"]), [
    '! "a.com" is no pattern: it would be a host without a port, and a path',
    '! "a.com:80/" is no pattern: it would be a host without a port, and a path',
  ])
})

test('uuids are random, and pipy knows what it runs', async (t) => {
  t.strictSame(
    all([
      '/^[0-9a-f-]{36}$/.test(algo.uuid()) && algo.uuid() !== algo.uuid()',
      'pipy.name',
      'pipy.source',
      'typeof pipy.now() + typeof pipy.since',
      'typeof __thread.id + __thread.concurrency',
    ]),
    [true, 'tested', '/plugins/tested.js', 'numbernumber', 'number1'],
  )
})

test('the config can be read, and nothing else', async (t) => {
  const model = { ...testModel(), script: { Spec: { a: 1 } } }
  t.strictSame(
    all(
      [
        "pipy.solve('config.js').Spec.a",
        "JSON.decode(pipy.load('config.json')).Spec.a",
        "pipy.load('other.json')",
        "pipy.solve('other.js')",
      ],
      { model },
    ),
    [1, 1, null, '! pipy.solve("other.js"): a plugin is one script; only config.js is beside it'],
  )
})

test('only granted environment variables are there', async (t) => {
  process.env.PILLION_TEST_GRANTED = 'yes'
  process.env.PILLION_TEST_SECRET = 'no'
  t.strictSame(all(['os.env'], { env: ['PILLION_TEST_GRANTED', 'PILLION_TEST_NONE'] }), [
    { PILLION_TEST_GRANTED: 'yes' },
  ])
  t.strictSame(all(['os.env']), [{}])
})

test('what a sandbox has not says so, and why', async (t) => {
  t.strictSame(
    all([
      "os.readFile('/etc/passwd')",
      'os.kill(1)',
      "pipy.exec('ls')",
      'pipy.exit()',
      'pipy.listen(80, $ => $)',
      'sqlite.database()',
      'new Swap',
    ]),
    [
      '! os.readFile is not there in a sandbox: a plugin has no files; keep what is small in a variable, and what is shared in the config',
      '! os.kill is not there in a sandbox: a plugin cannot start or end processes',
      '! pipy.exec is not there in a sandbox: a plugin cannot start or end processes',
      '! pipy.exit is not there in a sandbox: a plugin does not decide how the sidecar runs; push a changed plugin or config',
      '! pipy.listen is not there in a sandbox: a plugin is mounted on a chain of the sidecar, whose listeners are in its config',
      '! sqlite is not there in a sandbox: a plugin has no files',
      '! Swap is not there in a sandbox: pipelines of a plugin are connected by link() and branch()',
    ],
  )
})

test('Object takes nothing for an empty object, as PipyJS does', async (t) => {
  t.strictSame(
    all([
      'Object.keys(null)',
      'Object.entries(undefined)',
      'Object.values(undefined)',
      'Object.assign(undefined, {}) === undefined',
      'Object.assign({}, null, { a: 1 })',
      'Object.entries({ a: 1 })',
    ]),
    [[], [], [], true, { a: 1 }, [['a', 1]]],
  )
})

test('the log has what scripts write to it, within bounds', async (t) => {
  const tools = recordingTools()
  using guest = loadGuest(
    `((log = console.log) => (log('loaded', { a: 1 }, new Data('d'), undefined, () => 1), console.error(new Error('bad')), pipy()))()`,
    { tools },
  )
  t.equal(guest.lines[0], 'loaded {"a":1} d undefined () => 1')
  t.match(guest.lines[1], /^Error: bad\n/)
  using noisy = loadCallback("() => { for (let n = 0; n < 1000; n += 1) console.log('x'.repeat(10000)) }", {
    tools,
  })
  const lines: string[] = []
  const cx = noisy.guest.open().cx
  Object.assign(cx.log, { info: (line: string) => lines.push(line) })
  noisy.call([], 'nothing', noisy.guest.open(cx))
  t.equal(lines.length, 200)
  t.equal(lines[0]?.length, 8_193)
  tools.clock.advance(1_000)
  noisy.call([], 'nothing', noisy.guest.open(cx))
  t.match(noisy.guest.lines[0], '800 lines of the plugin were dropped')
})

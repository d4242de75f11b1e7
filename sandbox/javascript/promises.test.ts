import { test } from 'tap'
import { Body } from '../../chains/body.ts'
import type { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import { HeaderList } from '../../chains/headers.ts'
import { localResponse } from '../../chains/http.ts'
import { defaultPluginPolicy, type PluginLimits } from '../../chains/plugins.ts'
import { testContext, testOutcome, testRequest } from '../../chains/policy/testing.ts'
import type { Network } from '../plugin/network.ts'
import { pause } from '../plugin/testing/bench.ts'
import { nextTurn, slowBody } from '../plugin/testing/kit.ts'
import { type Loaded, load, policyWith } from './testing.ts'

const left = new ProxyError('CLIENT_GONE', 'left')

/** A network whose answers come when the test says so; what is given up fails. */
function manualNetwork() {
  const asked: { readonly cx: Context; readonly answer: (text: string) => void }[] = []
  const request: Network['request'] = (_request, cx) =>
    new Promise((resolve, reject) => {
      cx.onAbort(reject)
      const answer = (text: string) => resolve(localResponse(200, new HeaderList(), Body.of(text)))
      asked.push({ cx, answer })
    })
  const nobody = () => Promise.reject(new Error('not in this test'))
  return { asked, network: { request, connect: nobody, exchange: nobody, serve: () => {} } }
}

const policy = (limits: Partial<PluginLimits> = {}) =>
  policyWith({
    limits: { ...defaultPluginPolicy.limits, ...limits },
    grants: { ...defaultPluginPolicy.grants, connect: ['auth:80'] },
  })

/** One exchange whose client leaves when the test says so. */
function visit({ plugin }: Loaded) {
  const cx = testContext()
  const filter = plugin.http('inbound-http')
  if (!filter) throw new Error('the plugin is none for HTTP')
  const headers = new HeaderList(['Host', 'shop', 'x-long', 'y'.repeat(4_000)])
  const answer = filter(testRequest({ headers }), cx, async () => localResponse(200, new HeaderList(), null))
  const ended = answer.catch((error: ProxyError) => error)
  const leave = () => {
    cx.abort(left)
    cx.finish(testOutcome({ status: 0, error: left }))
    return ended
  }
  return { ended, leave }
}

/** The longest that the event loop was held while `work` went on, in milliseconds. */
async function held(work: () => Promise<unknown>): Promise<number> {
  let worst = 0
  let last = performance.now()
  let isOver = false
  const look = (): void => {
    const now = performance.now()
    worst = Math.max(worst, now - last)
    last = now
    if (!isOver) setImmediate(look)
  }
  setImmediate(look)
  await work()
  await nextTurn()
  isOver = true
  return worst
}

test('what a plugin does with many promises does not hold the event loop for more than a call or two', async (t) => {
  using loaded = load(
    `export default { async onRequest(request) {
      const spin = () => { const until = Date.now() + 40; while (Date.now() < until); }
      const all = []
      for (let count = 0; count < 30; count += 1) all.push(request.text().then(spin))
      await Promise.all(all)
    } }`,
    policy({ callMs: 200 }),
  )
  const worst = await held(async () => t.equal((await loaded.ask()).response.status, 200))
  t.ok(worst < 600, `held for ${worst} ms`)
  t.strictSame(loaded.failures, [])
})

test('a plugin that waits again and again is given up after pauseMs, others go on meanwhile', async (t) => {
  using loaded = load(
    `export default { async onRequest(request) {
      if (request.path === '/again') for (;;) await request.text()
      if (request.path === '/unseen') { const again = () => void request.text().then(again); again() }
    } }`,
    policy({ pauseMs: 100 }),
  )
  for (const path of ['/again', '/unseen']) {
    const asked = t.rejects(loaded.ask({ path }), { code: 'PLUGIN_OVER_LIMIT' }, path)
    t.equal((await loaded.ask({ path: '/other' })).response.status, 200)
    await asked
  }
  t.match(
    loaded.failures.map(({ kind }) => kind),
    ['pause', 'pause'],
  )
})

test('an exchange can wait for so many things at a time', async (t) => {
  using loaded = load(
    `export default { async onRequest(request) {
      const asked = Array.from({ length: 300 }, () => request.text())
      const ends = await Promise.allSettled(asked)
      const refused = ends.filter(({ status }) => status === 'rejected')
      return { body: refused.length + ' ' + refused[0].reason.message }
    } }`,
    policy({ callMs: 1_000 }),
  )
  const { text } = await loaded.ask()
  t.equal(text, '44 an exchange can wait for 256 things at a time, and no more')
  t.equal((await loaded.ask()).text, text, 'they are given back')
})

test('what one exchange asked for, others can wait for when its client has left', async (t) => {
  const { asked, network } = manualNetwork()
  using loaded = load(
    `let keys
    const get = async (cx) => {
      const first = await (await cx.fetch('http://auth/')).text()
      return (await cx.fetch('http://auth/' + first)).text()
    }
    export default { async onRequest(request, cx) { return { body: await (keys ??= get(cx)) } } }`,
    policy(),
    { network },
  )
  const first = visit(loaded)
  await nextTurn()
  t.equal(asked.length, 1)
  const second = loaded.ask()
  t.equal(await first.leave(), left)
  asked[0]?.answer('more')
  await pause(20)
  asked[1]?.answer('keys')
  t.equal((await second).text, 'keys')
  t.equal((await loaded.ask()).text, 'keys')
  t.strictSame(loaded.failures, [])
})

test('clients who leave while the plugin waits leave nothing in it', async (t) => {
  const { asked, network } = manualNetwork()
  using loaded = load(
    `export default { async onRequest(request, cx) {
      const long = request.headers.get('x-long')
      await cx.fetch('http://auth/')
      cx.log.info(long)
    } }`,
    policy({ memoryMiB: 8, callMs: 500 }),
    { network },
  )
  for (let count = 0; count < 3_000; count += 1) {
    const visitor = visit(loaded)
    t.equal(await visitor.leave(), left)
    if (count % 100 === 0) await nextTurn()
  }
  await pause(20)
  t.strictSame([loaded.failures, loaded.state.restarts], [[], 0])
  const goingOn = asked.filter(({ cx }) => !cx.abortReason)
  t.equal(goingOn.length, 256, 'so many may be waited for by others')
  loaded[Symbol.dispose]()
  t.ok(
    asked.every(({ cx }) => cx.abortReason),
    'and none when the plugin is gone',
  )
})

test('what was asked for in a call that failed is not waited for', async (t) => {
  const { asked, network } = manualNetwork()
  using loaded = load(
    `let kept
    export default { onRequest(request, cx) {
      if (request.path === '/throw') { kept = cx.fetch('http://auth/'); throw new Error('no') }
      return kept.then(() => ({ body: 'well' }), (error) => ({ body: error.message }))
    } }`,
    policy(),
    { network },
  )
  await t.rejects(loaded.ask({ path: '/throw' }), /Error: no/)
  t.match((await loaded.ask()).text, /Error: no/)
  t.equal(asked.length, 0)
})

test('a call that fails ends every exchange that went on in it', async (t) => {
  const { asked, network } = manualNetwork()
  using loaded = load(
    `let shared
    export default { async onRequest(request, cx) {
      await (shared ??= cx.fetch('http://auth/'))
      if (request.path === '/loop') for (;;);
    } }`,
    policy({ pauseMs: 300 }),
    { network },
  )
  const ends = ['/first', '/second', '/loop'].map((path) =>
    t.rejects(loaded.ask({ path }), { code: /^PLUGIN_/ }, path),
  )
  await nextTurn()
  asked[0]?.answer('go on')
  await Promise.all(ends)
  t.equal(loaded.plugin.usage().exchanges, 0)
})

test('a body that is asked for twice is there twice, and goes on once', async (t) => {
  using loaded = load(`export default { async onRequest(request, cx) {
    const [one, two] = await Promise.all([request.text(), request.text()])
    const three = await request.text()
    request.headers.set('x-read', [one, two, three].join())
    if (request.path === '/new') { request.body = 'new'; request.headers.set('x-new', await request.text()) }
  } }`)
  for (const [path, body] of Object.entries({ '/': 'hello', '/new': 'new' })) {
    const { text, response } = await loaded.ask(
      { method: 'POST', path, body: slowBody(['hel', 'lo']) },
      (request) => localResponse(200, request.headers, request.body),
    )
    t.equal(response.headers.get('x-read'), 'hello,hello,hello')
    t.equal(text, body)
  }
})

test('a body that broke off while the plugin read it is not sent as if it were whole', async (t) => {
  using loaded = load(`export default { async onRequest(request) {
    try { await request.text() } catch (error) { request.headers.set('x-fault', error.message) }
  } }`)
  const body = slowBody(['hel'], left)
  const sent = loaded.ask({ method: 'POST', body }, async (request) => {
    t.equal(request.headers.get('x-fault'), 'left')
    await request.body?.buffer(10)
    return localResponse(200, new HeaderList(), null)
  })
  await t.rejects(sent, { code: 'CLIENT_GONE' })
})

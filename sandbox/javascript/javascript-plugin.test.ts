import { test } from 'tap'
import { Body } from '../../chains/body.ts'
import { HeaderList } from '../../chains/headers.ts'
import { type HttpRequest, localResponse } from '../../chains/http.ts'
import { echo, load, policyWith } from './testing.ts'

test('a plugin reads and edits both heads, and what it did not touch stays as it was', async (t) => {
  using loaded = load(`export default {
    onRequest(request, cx) {
      cx.state.agent = request.headers.get('user-agent')
      request.headers.set('x-seen', cx.state.agent)
      request.headers.append('X-List', 'b')
      request.headers.delete('x-gone')
      request.path = request.path + '?from=plugin'
      request.method = 'PUT'
    },
    onResponse(response, cx) {
      response.headers.set('x-mark', cx.state.agent + response.status)
      response.status = 201
    },
  }`)
  let seen: HttpRequest | null = null
  const headers = new HeaderList(['Host', 'shop', 'User-Agent', 'curl', 'X-List', 'a', 'X-Gone', '1'])
  const { response } = await loaded.ask({ headers, path: '/a' }, (request) => {
    seen = request
    return localResponse(200, new HeaderList(['Server', 'x']), null)
  })
  const request = seen as HttpRequest | null
  t.equal(request?.method, 'PUT')
  t.equal(request?.path, '/a?from=plugin')
  t.same(request?.headers.fields, [
    'Host',
    'shop',
    'User-Agent',
    'curl',
    'X-List',
    'a',
    'x-seen',
    'curl',
    'X-List',
    'b',
  ])
  t.equal(response.status, 201)
  t.same(response.headers.fields, ['Server', 'x', 'x-mark', 'curl200'])
  t.equal(loaded.plugin.usage().exchanges, 0)
})

test('an answer of the plugin takes the place of the upstream’s', async (t) => {
  using loaded = load(`export default {
    async onRequest(request) {
      if (request.path === '/json') return { headers: { 'x-a': ['1', '2'] }, body: { ok: true } }
      await null
      return { status: 403, headers: [['X-B', 'b']], body: 'no' }
    },
  }`)
  const upstream = () => {
    throw new Error('nobody asks it')
  }
  const json = await loaded.ask({ path: '/json' }, upstream)
  t.equal(json.response.status, 200)
  t.equal(json.text, '{"ok":true}')
  t.same(json.response.headers.fields, ['content-type', 'application/json', 'x-a', '1', 'x-a', '2'])
  const refused = await loaded.ask({ path: '/' }, upstream)
  t.equal(refused.response.status, 403)
  t.equal(refused.text, 'no')
})

test('an answer of the upstream that nobody will read is cancelled', async (t) => {
  const ways = {
    'another answer': `return { status: 500, body: 'mine' }`,
    'an exception': `throw new Error('no')`,
    'a promise that never settles': `await response.text()`,
  }
  for (const [name, work] of Object.entries(ways)) {
    using loaded = load(
      `export default { async onResponse(response) { ${work} } }`,
      policyWith({ limits: { callMs: 50, memoryMiB: 32, bufferKiB: 1, pauseMs: 50 } }),
    )
    let isCancelled = false
    const body = new Body(
      {
        open: () => {},
        resume: () => {},
        cancel: () => {
          isCancelled = true
        },
      },
      null,
    )
    const asked = loaded.ask({}, () => localResponse(200, new HeaderList(), body))
    const text = await asked.then((ended) => ended.text, String)
    t.match(text, name === 'another answer' ? 'mine' : 'plugin tried', name)
    t.ok(isCancelled, name)
  }
})

test('bodies are read and replaced both ways, and only as large as granted', async (t) => {
  using loaded = load(
    `export default {
      async onRequest(request) {
        const { name } = await request.json()
        request.body = { hello: name }
      },
      async onResponse(response) {
        response.body = (await response.text()).toUpperCase()
      },
    }`,
    policyWith({ limits: { callMs: 50, memoryMiB: 32, bufferKiB: 1, pauseMs: 1_000 } }),
  )
  const answer = await loaded.ask({ method: 'POST', body: Body.of('{"name":"änn"}') })
  t.equal(answer.text, '{"HELLO":"ÄNN"}')
  await t.rejects(loaded.ask({ method: 'POST', body: Body.of('x'.repeat(2_000)) }), /over the 1024 bytes/)
  t.equal(loaded.failures.length, 1)
})

test('a body that was only read goes on unchanged', async (t) => {
  using loaded = load(`export default {
    async onRequest(request) { request.headers.set('x-size', (await request.bytes()).length) },
  }`)
  const { text, response } = await loaded.ask({ body: Body.of('äöü') }, (request) => {
    const answer = echo(request)
    return Promise.resolve(answer).then((found) => {
      found.headers.set('x-size', request.headers.get('x-size') ?? '')
      return found
    })
  })
  t.equal(text, 'äöü')
  t.equal(response.headers.get('x-size'), '6')
})

test('what goes wrong names the plugin, the line and the column, and the next exchange is served', async (t) => {
  using loaded = load(
    `export default {
    onRequest(request) {
      if (request.path === '/throw') throw new Error('out of stock')
      if (request.path === '/reject') return Promise.reject(new TypeError('later'))
      if (request.path === '/loop') for (;;);
      if (request.path === '/never') return new Promise(() => {})
      if (request.path === '/number') return 7
      if (request.path === '/inject') request.headers.set('x', 'a\\r\\nb: c')
      if (request.path === '/memory') { const all = []; for (;;) all.push(new Uint8Array(1e6)) }
    },
  }`,
    policyWith({ limits: { callMs: 200, memoryMiB: 16, bufferKiB: 64, pauseMs: 100 } }),
  )
  const kinds: Record<string, string> = {
    '/throw': 'exception',
    '/reject': 'exception',
    '/loop': 'timeout',
    '/never': 'pause',
    '/number': 'exception',
    '/inject': 'exception',
    '/memory': 'memory',
  }
  for (const [path, kind] of Object.entries(kinds)) {
    const wanted = { code: /PLUGIN_(THREW|OVER_LIMIT)/, message: /plugin tried \(1\)/ }
    await t.rejects(loaded.ask({ path }), wanted, path)
    t.equal(loaded.failures.at(-1)?.kind, kind, path)
    const { response } = await loaded.ask({ path: '/well' })
    t.equal(response.status, 200)
  }
  t.match(loaded.failures[0]?.error.message, 'at plugins/tried.js:3:')
  t.match(loaded.failures[1]?.error.message, 'at plugins/tried.js:4:')
  t.match(loaded.failures[0]?.error.message, 'out of stock')
  t.ok(loaded.state.restarts >= 1, 'a dead instance is replaced')
})

test('a plugin that cannot be loaded says where and why', (t) => {
  const faults: [string, RegExp][] = [
    ['export default {\n  onRequest( {', /plugins\/tried\.js:2:.*plugin tried/],
    ['export const a = 1', /default export/],
    ['export default { onrequest() {} }', /none of onRequest, onResponse and onData/],
    ['export default { onRequest: 7 }', /onRequest must be a function/],
    ['throw new Error("not today")', /plugins\/tried\.js:1:.*not today/],
    ['import "fs"\nexport default {}', /fs/],
  ]
  for (const [source, pattern] of faults)
    t.throws(() => load(source), { name: 'PluginFault', message: pattern })
  t.end()
})

test('framing is not for plugins to change', async (t) => {
  using loaded = load(`export default {
    onRequest(request) {
      for (const name of ['Content-Length', 'transfer-encoding', 'Connection', 'TE']) request.headers.set(name, 'x')
    },
    onResponse() { return { status: 200, headers: { 'transfer-encoding': 'chunked', 'x-a': '1' } } },
  }`)
  const { response } = await loaded.ask({}, (request) => {
    t.same(request.headers.fields, ['Host', 'shop'])
    return localResponse(200, new HeaderList(), null)
  })
  t.same(response.headers.fields, ['x-a', '1'])
})

test('a client that leaves ends the waiting', async (t) => {
  using loaded = load(`export default { onRequest() { return new Promise(() => {}) } }`)
  t.equal(loaded.plugin.usage().exchanges, 0)
  const asked = loaded.ask()
  t.equal(loaded.plugin.usage().exchanges, 1)
  loaded.plugin[Symbol.dispose]()
  await t.rejects(asked, /unloaded/)
  t.equal(loaded.plugin.usage().exchanges, 0)
})

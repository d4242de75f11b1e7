import { ProxyError } from '../../../chains/failures.ts'
import { testContext } from '../../../chains/policy/testing.ts'
import { pause } from './bench.ts'
import type { ContractTest } from './contract-http.ts'
import { slowBody } from './kit.ts'

/** Far more than any limit of the suite: what takes longer was not stopped. */
const patienceMs = 3_000

/** How plugins fail, and that nobody else notices. */
export const failureTests: readonly ContractTest[] = [
  {
    name: 'what a plugin throws ends that exchange alone, and names the place',
    needs: ['throw on request', 'throw on response'],
    async run(t, bench) {
      for (const behaviour of ['throw on request', 'throw on response'] as const) {
        const { ask, told } = bench.load(behaviour)
        const [bad, other] = await Promise.all([ask({ path: '/bad' }), ask({ path: '/other' })])
        t.strictSame([bad.text, other.text], ['!PLUGIN_THREW', 'you asked for /other'], behaviour)
        t.match(told.failures, [{ kind: 'exception' }])
        t.equal(told.failures.length, 1)
        t.match(
          told.failures[0]?.message,
          /^plugin tried \(1\) at .*tried\.js:([2-9]|\d\d+):\d+: .*on purpose/,
        )
        t.equal((await ask({ path: '/again' })).status, 200)
        t.equal(told.restarts, 0, 'an exception does not cost an instance')
      }
    },
  },
  {
    name: 'a plugin that does not end is stopped, and serves the next exchange',
    needs: ['loop', 'request header'],
    async run(t, bench) {
      const { ask, told } = bench.load('loop')
      const neighbour = bench.load('request header')
      const before = await neighbour.ask()
      const begun = performance.now()
      const [bad, beside] = await Promise.all([ask({ path: '/bad' }), neighbour.ask()])
      t.ok(performance.now() - begun < patienceMs)
      t.equal(bad.text, '!PLUGIN_OVER_LIMIT')
      t.match(told.failures, [{ kind: 'timeout' }])
      t.equal(beside.sent[0]?.headers.get('x-plugin'), before.sent[0]?.headers.get('x-plugin'))
      t.strictSame([neighbour.told.failures, neighbour.told.restarts], [[], 0])
      for (let round = 0; round < 3; round += 1) {
        t.equal((await ask({ path: '/other' })).status, 200)
        t.equal((await ask({ path: '/bad' })).text, '!PLUGIN_OVER_LIMIT')
      }
    },
  },
  {
    name: 'a plugin that takes too much memory is stopped within its limit, and serves the next exchange',
    needs: ['allocate', 'request header'],
    async run(t, bench) {
      const { ask, told, plugin } = bench.load('allocate')
      const neighbour = bench.load('request header')
      for (let round = 0; round < 3; round += 1) {
        const bad = await ask({ path: '/bad' })
        t.match(bad.text, /^!PLUGIN_/)
        t.ok(plugin.usage().heapBytes <= 40 * 1_048_576, `${plugin.usage().heapBytes} bytes are held`)
        t.equal((await ask({ path: '/other' })).status, 200)
      }
      t.ok(told.failures.length >= 3)
      t.equal((await neighbour.ask()).sent[0]?.headers.get('x-plugin'), 'seen')
      t.strictSame(neighbour.told.failures, [])
    },
  },
  {
    name: 'a plugin that keeps an exchange waiting is given up after pauseMs',
    needs: ['never answer'],
    async run(t, bench) {
      const { ask, told } = bench.load('never answer')
      const [bad, other] = await Promise.all([ask({ path: '/bad' }), ask({ path: '/other' })])
      t.strictSame([bad.text, other.status], ['!PLUGIN_OVER_LIMIT', 200])
      t.match(told.failures, [{ kind: 'pause' }])
    },
  },
  {
    name: 'an exchange that is given up ends at once, whatever the plugin waits for',
    needs: ['never answer'],
    async run(t, bench) {
      const { ask, told } = bench.load('never answer')
      const cx = testContext({ protocol: 'http' })
      const asked = ask({ path: '/bad' }, { cx })
      await pause(20)
      cx.abort(new ProxyError('CLIENT_GONE', 'left'))
      t.equal((await asked).text, '!CLIENT_GONE')
      t.strictSame(told.failures, [], 'that is no failure of the plugin')
    },
  },
  {
    name: 'a plugin holds no more of a body than it may',
    needs: ['read body'],
    async run(t, bench) {
      const body = () => slowBody(Array.from({ length: 6 }, () => 'x'.repeat(4_096)))
      const reads = bench.load('read body')
      const { text } = await reads.ask({ method: 'POST', body: body() })
      // a script that waits for a body may be told by an exception; Proxy-Wasm has it that the client sent too much
      t.match(text, /^!(PLUGIN_OVER_LIMIT|PLUGIN_THREW|BODY_TOO_LARGE)$/)
      t.match(reads.told.failures, text === '!BODY_TOO_LARGE' ? [] : [{ kind: /^(limit|exception)$/ }])
      t.equal((await reads.ask({ method: 'POST', body: slowBody(['ok']) })).status, 200)
    },
  },
  {
    name: 'a second answer is nobody’s',
    needs: ['answer twice'],
    async run(t, bench) {
      const { ask } = bench.load('answer twice')
      const { status, sent } = await ask({ path: '/bad' })
      t.strictSame([status, sent.length], [201, 0])
      t.equal((await ask({ path: '/other' })).status, 200)
    },
  },
]

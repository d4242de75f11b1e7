import type { Test } from 'tap'
import { Body } from '../../../chains/body.ts'
import { ProxyError } from '../../../chains/failures.ts'
import { HeaderList } from '../../../chains/headers.ts'
import { localResponse } from '../../../chains/http.ts'
import type { BehaviourName } from './behaviours.ts'
import type { Bench } from './bench.ts'
import { slowBody } from './kit.ts'

/** One test of the suite. */
export interface ContractTest {
  readonly name: string
  readonly needs: readonly BehaviourName[]
  readonly run: (t: Test, bench: Bench) => Promise<void>
}

const fields = ['Host', 'shop.example', 'X-Secret', 'a', 'X-Twice', '1', 'X-Twice', '2', 'x-CASE', 'Kept']

/** What plugins do to messages when all goes well. */
export const httpTests: readonly ContractTest[] = [
  {
    name: 'what a plugin does not touch passes as it came',
    needs: ['pass'],
    async run(t, bench) {
      const { ask, told } = bench.load('pass')
      const pieces = ['one ', 'two ', 'three']
      const upstream = async () =>
        localResponse(
          206,
          new HeaderList(['X-From', 'upstream', 'x-twice', '1', 'X-Twice', '2']),
          slowBody(pieces),
        )
      const body = slowBody(pieces)
      const request = { method: 'POST', path: '/a?b=%20c', headers: new HeaderList([...fields]), body }
      const { status, headers, text, sent } = await ask(request, { upstream })
      t.strictSame([status, text], [206, pieces.join('')])
      t.strictSame(headers.fields, ['X-From', 'upstream', 'x-twice', '1', 'X-Twice', '2'])
      t.match(sent, [{ method: 'POST', path: '/a?b=%20c', body: pieces.join('') }])
      t.strictSame(sent[0]?.headers.fields, fields)
      t.strictSame(told.failures, [])
    },
  },
  {
    name: 'a plugin edits the head of a request, and all else in it stays',
    needs: ['request header'],
    async run(t, bench) {
      const { ask, told } = bench.load('request header')
      const { sent } = await ask({ headers: new HeaderList([...fields]) })
      const headers = sent[0]?.headers
      t.equal(headers?.get('x-plugin'), 'seen')
      t.notOk(headers?.has('x-secret'))
      t.strictSame(headers?.getAll('x-twice'), ['1', '2'])
      t.equal(headers?.get('host'), 'shop.example')
      t.ok(told.calls > 0, 'calls are told')
    },
  },
  {
    name: 'a plugin edits the head of an answer',
    needs: ['response header'],
    async run(t, bench) {
      const { status, headers, text } = await bench.load('response header').ask({ path: '/x' })
      t.strictSame([status, headers.get('x-plugin'), headers.get('x-from')], [200, 'seen', 'upstream'])
      t.equal(text, 'you asked for /x')
    },
  },
  {
    name: 'an answer of the plugin’s own is all that the client gets, and nothing is sent',
    needs: ['answer'],
    async run(t, bench) {
      const { ask } = bench.load('answer')
      const { status, headers, text, sent } = await ask({
        path: '/answer',
        method: 'POST',
        body: Body.of('ignored'),
      })
      t.strictSame([status, headers.get('x-plugin'), text], [418, 'own', 'short and stout'])
      t.strictSame(sent, [])
      t.equal((await ask({ path: '/other' })).status, 200)
    },
  },
  {
    name: 'a body is collected, and passes all the same',
    needs: ['read body'],
    async run(t, bench) {
      const { ask } = bench.load('read body')
      for (const pieces of [[], ['one'], ['a'.repeat(5_000), 'b'.repeat(5_000)]]) {
        const whole = pieces.join('')
        const { sent } = await ask({ method: 'POST', body: slowBody(pieces) })
        t.strictSame([sent[0]?.headers.get('x-length'), sent[0]?.body], [String(whole.length), whole])
      }
    },
  },
  {
    name: 'a body is put in the place of another, with its length',
    needs: ['replace body'],
    async run(t, bench) {
      const { ask } = bench.load('replace body')
      const upstream = async () => localResponse(200, new HeaderList(), slowBody(['one ', 'two']))
      const { text } = await ask({}, { upstream })
      t.equal(text, 'ONE TWO')
    },
  },
  {
    name: 'what happens behind the plugin is what the client sees',
    needs: ['pass', 'response header', 'replace body'],
    async run(t, bench) {
      for (const behaviour of ['pass', 'response header', 'replace body'] as const) {
        const { ask, told } = bench.load(behaviour)
        const refused = () => Promise.reject(new ProxyError('CONNECT_REFUSED', 'nobody is there'))
        t.equal((await ask({}, { upstream: refused })).text, '!CONNECT_REFUSED', behaviour)
        const cut = async () =>
          localResponse(
            200,
            new HeaderList(),
            slowBody(['half'], new ProxyError('UPSTREAM_TRUNCATED', 'cut')),
          )
        if (behaviour === 'replace body') {
          // a script that waits for a whole body may take its breaking off for an exception, or for its end (PipyJS)
          t.match((await ask({}, { upstream: cut })).text, /^(HALF|!UPSTREAM_TRUNCATED|!PLUGIN_THREW)$/)
          continue
        }
        t.match((await ask({}, { upstream: cut })).text, /!UPSTREAM_TRUNCATED$/, behaviour)
        t.strictSame(told.failures, [], 'and no failure of the plugin')
      }
    },
  },
]

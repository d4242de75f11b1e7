import { test } from 'tap'
import { Body } from '../../../../chains/body.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { type HttpRequest, localResponse } from '../../../../chains/http.ts'
import { testRequest } from '../../../../chains/policy/testing.ts'
import { ask, bench, echo } from '../testing/bench.ts'

/** A module that answers after so many turns, by the path. */
const slowly = {
  'modules/slow.js': async ({ path }: HttpRequest) => {
    await new Promise((resolve) => setTimeout(resolve, Number(path.slice(1))))
    return localResponse(200, new HeaderList(), Body.of(`after ${path.slice(1)}`))
  },
}

test('a join lets the exchange go on when all branches are through', async (t) => {
  using b = bench(
    `pipy({ _got: [] }).pipeline()
     .forkJoin(['/50', '/1']).to($ => $
       .onStart(path => void (_path = path))
       .handleMessageStart(msg => { msg.head.path = _path })
       .chain(['modules/slow.js'])
       .handleMessageBody(body => void _got.push(body.toString())))
     .handleMessageStart(msg => { msg.head.headers['x-seen'] = _got.join() })
     .chain()`.replace('_got: []', '_got: [], _path: null'),
    { http: slowly },
  )
  const { response, text } = await ask(b.http(echo), testRequest({ method: 'PUT', body: Body.of('abc') }))
  t.equal(response.headers.get('x-seen'), 'after 1,after 50')
  t.equal(text, 'PUT / abc')
})

test('a join ends with the streams of its branches, and is not held up by one that fails', async (t) => {
  using b = bench(
    `pipy().pipeline()
     .forkJoin([1, 2]).to($ => $
       .onStart(n => void (_n = n))
       .replaceMessage(() => { if (_n === 1) throw new Error('no'); return new StreamEnd }))
     .chain()`.replace('pipy()', 'pipy({ _n: 0 })'),
  )
  t.match(await ask(b.http(echo), testRequest()), { text: 'GET / ' })
})

test('the first branch of a race to give something gives the answer', async (t) => {
  using b = bench(
    `pipy({ _path: '' }).pipeline()
     .forkRace(['/50', '/1']).to($ => $
       .onStart(path => void (_path = path))
       .handleMessageStart(msg => { msg.head.path = _path })
       .chain(['modules/slow.js']))
     .handleMessageStart(msg => { msg.head.headers['x-a'] = 'b' })`,
    { http: slowly },
  )
  const { response, text } = await ask(b.http(echo), testRequest({ method: 'PUT', body: Body.of('abc') }))
  t.equal(text, 'after 1')
  t.equal(response.headers.get('x-a'), 'b')
})

test('a race that nobody wins fails', async (t) => {
  using b = bench(`pipy().pipeline().forkRace([1, 2]).to($ => $.dummy())`)
  await t.rejects(ask(b.http(echo), testRequest()), { code: 'PLUGIN_OVER_LIMIT', message: /neither/ })
})

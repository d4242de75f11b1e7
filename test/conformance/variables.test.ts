import { once } from 'node:events'
import { test } from 'tap'
import { Body } from '../../chains/body.ts'
import { testRequest } from '../../chains/policy/testing.ts'
import { ask, bench, echo } from '../../sandbox/pipyjs/runtime/testing/bench.ts'
import { Application } from '../support/application.ts'
import { keptConnections } from '../support/ask.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { startPod } from './pod.ts'

test('2: a function in a cache sees the variables of the request that calls it', async (t) => {
  await using _left = assertNothingLeft(t)
  const gates = new EventTarget()
  await using app = await Application.start('shop', async ({ path }, response) => {
    await once(gates, path)
    response.end(path)
  })
  const cached = `
((
  readers = new algo.Cache(key => () => key + _path),
) => pipy({ _path: '' })
.pipeline()
.handleMessageStart(msg => (_path = msg.head.path, readers.get('path ')()))
.chain()
.handleMessageStart(msg => msg.head.headers['x-path'] = readers.get('path ')())
)()`
  await using pod = await startPod({
    direction: 'inbound',
    services: { shop: { address: app.address } },
    mounted: { cached: 115 },
    files: { 'cached.js': cached },
  })
  const one = pod.ask('shop', '/one')
  await eventually(() => app.seen.length === 1, 'the first arrives')
  const two = pod.ask('shop', '/two')
  await eventually(() => app.seen.length === 2, 'the second arrives')
  gates.dispatchEvent(new Event('/one'))
  t.equal((await one).headers['x-path'], 'path /one')
  gates.dispatchEvent(new Event('/two'))
  t.equal((await two).headers['x-path'], 'path /two')
  await pod.assertIdle(t)
})

const counting = (fork: string) => `
pipy({ _seen: 'main', _done: false })
.pipeline()
.onStart(() => { if (_seen !== 'main') throw new Error('it leaked') })
.${fork}.to($ => $.handleMessageStart(msg => {
  _seen += ' branch'
  msg.head.headers['x-seen'] = 'branch'
}))
.handleMessageEnd(() => _seen += ' sent')
.chain()
.handleMessageStart(msg => msg.head.headers['x-variables'] = _seen)`

test('3: a fork shares its variables, and a fork of an array has its own', async (t) => {
  for (const [fork, seen] of [
    ['fork()', 'main branch sent'],
    ['fork([1])', 'main sent'],
    ['fork(() => [1, 2])', 'main sent'],
  ] as const) {
    using b = bench(counting(fork))
    const chain = b.http(echo)
    for (let count = 0; count < 2; count += 1) {
      const { response, text } = await ask(chain, testRequest({ method: 'PUT', body: Body.of('abc') }))
      t.equal(text, 'PUT / abc')
      t.equal(response.headers.get('x-variables'), seen, fork)
      t.equal(response.headers.get('x-seen'), '', 'the head of the main line is its own')
    }
    t.equal(b.plugin.usage().exchanges, 0)
  }
})

test('3: what a request writes is seen neither by the next one nor by its connection', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop')
  const writing = `
pipy({ _count: 0 })
.import({ __service: 'inbound-http-routing' })
.pipeline()
.handleMessageStart(() => _count++)
.chain()
.handleMessageStart(msg => msg.head.headers['x-count'] = _count)`
  await using pod = await startPod({
    direction: 'inbound',
    services: { shop: { address: app.address } },
    mounted: { writing: 115 },
    files: { 'writing.js': writing },
  })
  using agent = keptConnections()
  for (let count = 0; count < 3; count += 1) {
    t.equal((await pod.ask('shop', '/', { agent })).headers['x-count'], '1')
  }
  await pod.assertIdle(t)
})

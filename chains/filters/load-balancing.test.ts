import { test } from 'tap'
import {
  answerOf,
  cluster,
  contextOf,
  countOf,
  endpoint,
  finish,
  modelOf,
  refused,
  splitPort,
  toolsWith,
} from '../balancing/fixtures.ts'
import { Body } from '../body.ts'
import { ProxyError } from '../failures.ts'
import type { HttpFilter } from '../filter.ts'
import { HeaderList } from '../headers.ts'
import type { HttpRequest, HttpResponse } from '../http.ts'
import type { Cluster, RetryPolicy } from '../model.ts'
import { testCluster, testRequest, testService } from '../policy/testing.ts'
import { httpLoadBalancing } from './load-balancing.ts'

const least = { policy: 'least-requests', hashHeader: null, sticky: 'request' } as const
const reset = new ProxyError('UPSTREAM_RESET', 'gone')

function balancing(tools: ReturnType<typeof toolsWith>, target: Cluster): HttpFilter {
  const port = splitPort({ [target.name]: 1 }, { direction: 'outbound' })
  return httpLoadBalancing('outbound', tools, modelOf([target], [port]))
}

const onward = async (): Promise<HttpResponse> => answerOf(299, 'the rest of the chain')

/** Runs one request; resolves with who answered, or the code of the failure. */
function run(
  filter: HttpFilter,
  target: Cluster | null,
  request: Partial<HttpRequest> = {},
  cx = contextOf({ cluster: target }),
): Promise<string | undefined> {
  return filter(testRequest(request), cx, onward).then(
    (response) => response.headers.get('x-from'),
    (error) => (error as ProxyError).code,
  )
}

test('the endpoint chosen gets the request, and is the target', async (t) => {
  const tools = toolsWith()
  const target = cluster('c', ['a:1'])
  const cx = contextOf({ cluster: target })
  t.equal(await run(balancing(tools, target), target, {}, cx), 'a:1')
  t.equal(cx.vars.target, 'a:1')
  t.equal(tools.sent[0]?.cluster, 'c')
})

test('the chain goes on where there is no cluster, and where it has no endpoint', async (t) => {
  const target = cluster('c', [])
  const filter = balancing(toolsWith(), target)
  t.equal(await run(filter, null), 'the rest of the chain')
  t.equal(await run(filter, target), 'the rest of the chain')
})

test('an endpoint that cannot be connected to is followed by the next, each once', async (t) => {
  for (const code of ['CONNECT_REFUSED', 'CONNECT_TIMEOUT', 'UNRESOLVED'] as const) {
    const down = new ProxyError(code, 'down')
    const target = cluster('c', ['a:1', 'b:1', 'z:1=0'])
    const tools = toolsWith({ 'a:1': down, 'b:1': down })
    t.equal(await run(balancing(tools, target), target), 'z:1')
    t.same(countOf(tools.sent.map((one) => one.target)), { 'a:1': 1, 'b:1': 1, 'z:1': 1 })
  }
})

test('when every endpoint is down the last failure is thrown, and nobody was asked twice', async (t) => {
  const target = cluster('c', ['a:1', 'b:1', 'z:1=0'])
  const timeout = new ProxyError('CONNECT_TIMEOUT', 'no answer')
  const tools = toolsWith({ 'a:1': refused, 'b:1': refused, 'z:1': timeout })
  t.equal(await run(balancing(tools, target), target), 'CONNECT_TIMEOUT')
  t.equal(tools.sent.length, 3)
})

test('an endpoint that failed is left alone for a while, and asked again later', async (t) => {
  const target = cluster('c', ['a:1', 'b:1'])
  const behaviours: Record<string, ProxyError> = { 'a:1': refused }
  const tools = toolsWith(behaviours)
  const filter = balancing(tools, target)
  for (let index = 0; index < 10; index++) t.equal(await run(filter, target), 'b:1')
  t.equal(tools.sent.filter((one) => one.target === 'a:1').length, 1)
  delete behaviours['a:1']
  tools.clock.advance(5_000)
  t.same(countOf([await run(filter, target), await run(filter, target)]), { 'a:1': 1, 'b:1': 1 })
})

test('a request whose body is on its way is not taken to another endpoint', async (t) => {
  const target = cluster('c', ['a:1', 'b:1'])
  const body = Body.of('hello')
  const tools = toolsWith({ 'a:1': refused, 'b:1': refused })
  body.open({ write: () => true, end: () => {}, fail: () => {} })
  t.equal(await run(balancing(tools, target), target, { method: 'POST', body }), 'CONNECT_REFUSED')
  t.equal(tools.sent.length, 1)
})

test('a failure after something was sent is not taken to another endpoint', async (t) => {
  const target = cluster('c', ['a:1', 'b:1'])
  const tools = toolsWith({ 'a:1': reset, 'b:1': reset })
  t.equal(await run(balancing(tools, target), target), 'UPSTREAM_RESET')
  t.equal(tools.sent.length, 1)
})

test('a client that left is not served by the next endpoint', async (t) => {
  const target = cluster('c', ['a:1', 'b:1'])
  const tools = toolsWith({ 'a:1': refused, 'b:1': refused })
  const cx = contextOf({ cluster: target })
  const end = run(balancing(tools, target), target, {}, cx)
  cx.abort(new ProxyError('CLIENT_GONE', 'left'))
  t.equal(await end, 'CONNECT_REFUSED')
  t.equal(tools.sent.length, 1)
})

test('an answer above 499, or none, sends the request once to an endpoint of weight 0', async (t) => {
  const target = cluster('c', ['a:1=100', 'z:1=0'])
  for (const behaviour of [500, reset]) {
    const tools = toolsWith({ 'a:1': behaviour })
    const request = { method: 'PUT', body: Body.of('hello') }
    t.equal(await run(balancing(tools, target), target, request), 'z:1')
    t.equal((await tools.sent[1]?.request.body?.buffer(10))?.toString(), 'hello')
  }
  const bad = toolsWith({ 'a:1': 500, 'z:1': 502 })
  const response = await balancing(bad, target)(testRequest(), contextOf({ cluster: target }), onward)
  t.equal(response.status, 502)
  t.equal(bad.sent.length, 2)
})

test('where the cluster has retries, they are what follows an answer above 499', async (t) => {
  const retry = { retries: 3 } as RetryPolicy
  const target = cluster('c', ['a:1=100', 'z:1=0'], { retry })
  const tools = toolsWith({ 'a:1': 503 })
  t.equal(await run(balancing(tools, target), target), 'a:1')
  t.equal(tools.sent.length, 1)
})

test('a retry goes to another endpoint than the one that failed, and back if there is no other', async (t) => {
  const target = cluster('c', ['a:1', 'b:1'])
  for (const behaviour of [500, reset]) {
    const tools = toolsWith({ 'a:1': behaviour, 'b:1': behaviour })
    const filter = balancing(tools, target)
    for (let exchange = 0; exchange < 3; exchange++) {
      const cx = contextOf({ cluster: target })
      await run(filter, target, {}, cx)
      await run(filter, target, {}, cx)
      const [first, second] = tools.sent.slice(-2)
      t.not(first?.target, second?.target)
    }
  }
  const single = cluster('s', ['a:1'])
  const tools = toolsWith({ 'a:1': 500 })
  const filter = balancing(tools, single)
  const cx = contextOf({ cluster: single })
  await run(filter, single, {}, cx)
  t.equal(await run(filter, single, {}, cx), 'a:1')
})

test('an endpoint’s prefix is put before the path, and the traffic counts as leaving', async (t) => {
  const at = endpoint('172.20.0.9:8081', 1, { pathPrefix: '/cluster-2/' })
  const target = testCluster('c', { endpoints: [at] })
  const tools = toolsWith()
  const filter = balancing(tools, target)
  const cx = contextOf({ cluster: target })
  await run(filter, target, { path: '/x?y' }, cx)
  await run(filter, target, { path: '*', method: 'OPTIONS' })
  t.same(
    tools.sent.map((one) => one.request.path),
    ['/cluster-2/x?y', '*'],
  )
  t.equal(cx.vars.isEgress, true)
})

test('a gateway is told where the request was going, and clients cannot tell it otherwise', async (t) => {
  const at = endpoint('10.0.0.9:80', 1, { viaGateway: '10.1.1.1:9090' })
  const target = testCluster('c', { endpoints: [at] })
  const tools = toolsWith()
  const headers = new HeaderList(['Host', 'stock', 'FGW-Forwarded-Target', '1.1.1.1:1'])
  const cx = contextOf({ cluster: target, service: testService('stock.shop.svc') })
  await run(balancing(tools, target), target, { headers }, cx)
  const sent = tools.sent[0]?.request.headers
  t.same(sent?.getAll('fgw-forwarded-host'), ['stock'])
  t.same(sent?.getAll('fgw-forwarded-target'), ['10.0.0.9:80'])
  t.same(sent?.getAll('fgw-forwarded-service'), ['stock'])
  t.equal(cx.vars.target, '10.1.1.1:9090')
  t.equal(cx.vars.isEgress, true)
})

test('the endpoint after a gateway sees the request as it came', async (t) => {
  const gateway = endpoint('a:1', 1, { viaGateway: 'gw:1', pathPrefix: '/far' })
  const target = testCluster('c', { endpoints: [gateway, endpoint('b:1', 0)] })
  const tools = toolsWith({ 'a:1': refused })
  const cx = contextOf({ cluster: target })
  await run(balancing(tools, target), target, { path: '/x' }, cx)
  t.equal(tools.sent[1]?.request.path, '/x')
  t.notOk(tools.sent[1]?.request.headers.has('fgw-forwarded-target'))
  t.equal(cx.vars.isEgress, false)
})

test('requests in flight are counted out when their exchange ends, whatever became of it', async (t) => {
  const target = cluster('c', ['a:1', 'b:1'], { balancing: least })
  const behaviours: Record<string, number | ProxyError> = {}
  const tools = toolsWith(behaviours)
  const filter = balancing(tools, target)
  const open = Array.from({ length: 6 }, () => contextOf({ cluster: target }))
  for (const cx of open) await run(filter, target, {}, cx)
  t.same(countOf(tools.sent.map((one) => one.target)), { 'a:1': 3, 'b:1': 3 })
  for (const cx of open.slice(0, 4)) finish(cx)

  behaviours['a:1'] = reset
  behaviours['b:1'] = 500
  for (let index = 0; index < 10; index++) {
    const cx = contextOf({ cluster: target })
    await run(filter, target, {}, cx)
    await run(filter, target, {}, cx)
    finish(cx)
  }
  for (const cx of open.slice(4)) finish(cx)
  const load = (address: string) =>
    tools.shared.get(`endpoint outbound c ${address}`, () => ({ outstanding: -1 })).outstanding
  t.equal(load('a:1'), 0)
  t.equal(load('b:1'), 0)
})

test('a cluster that a plugin made up is balanced like any other', async (t) => {
  const filter = balancing(toolsWith(), cluster('c', ['a:1']))
  const madeUp = cluster('made-up', ['x:1', 'y:1'])
  const targets = [await run(filter, madeUp), await run(filter, madeUp)]
  t.same(targets.sort(), ['x:1', 'y:1'])
})

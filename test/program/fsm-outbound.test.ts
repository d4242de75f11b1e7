import { test } from 'tap'
import { Application } from '../support/application.ts'
import { type Answered, ask, keptConnections, statusOrError } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, runSidecar, type SidecarProcess } from '../support/process.ts'
import { exampleOptions, workedExample } from './worked-example.ts'

const stock = { 'x-pillion-original-destination': '10.96.7.7:8080', host: 'stock' }
const v1 = 'shop/stock-v1|8081'
const v2 = 'shop/stock-v2|8081'

/** The four endpoints of the service `stock`; the last waits for the others to fail. */
async function startStock(
  stack: AsyncDisposableStack,
  fault: (index: number) => boolean = () => false,
): Promise<{ one: Application; two: Application; other: Application; standby: Application }> {
  const start = async (name: string, isFaulty: (index: number) => boolean) => {
    const application = await Application.start(name, (_request, response, index) => {
      response.setHeader('fsm-stats', `shop,Deployment,stock-sa,${name}`)
      response.statusCode = isFaulty(index) ? 500 : 200
      response.end(name)
    })
    return stack.use(application)
  }
  return {
    one: await start('one', fault),
    two: await start('two', fault),
    other: await start('other', () => false),
    standby: await start('standby', () => false),
  }
}

type Stock = Awaited<ReturnType<typeof startStock>>

const startExample = async (
  { one, two, other, standby }: Stock,
  change?: Parameters<typeof workedExample>[1],
): Promise<SidecarProcess> => {
  const places = {
    '10.244.2.5:8080': one.address,
    '10.244.2.6:8080': two.address,
    '10.244.3.5:8080': other.address,
    '172.20.0.9:8081': standby.address,
  }
  return runSidecar(await workedExample(places, change), exampleOptions('header'))
}

/** Asks so often, on so many connections. */
async function flood(sidecar: SidecarProcess, count: number, connections = 10): Promise<Answered[]> {
  using agent = keptConnections(connections)
  const port = first(sidecar.outbound)
  return await Promise.all(Array.from({ length: count }, () => ask(port, '/', { headers: stock, agent })))
}

test('a thousand calls to stock are split 90 to 10, and both sides are counted and named as FSM does', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const applications = await startStock(stack)
  const { one, two, other, standby } = applications
  await using sidecar = await startExample(applications)
  const answers = await flood(sidecar, 1_000)
  t.ok(answers.every(({ status }) => status === 200))
  t.ok(Math.abs(other.seen.length - 100) <= 40, `${other.seen.length} of 1,000 went to the second version`)
  t.equal(one.seen.length + two.seen.length + other.seen.length, 1_000)
  t.ok(Math.min(one.seen.length, two.seen.length) > 0, 'both endpoints of the first version are asked')
  t.equal(standby.seen.length, 0, 'the one of weight 0 waits for the others to fail')
  t.ok(
    answers.every(({ headers }) => headers['fsm-stats'] === undefined),
    'the mark stays between sidecars',
  )
  for (const { headers } of [...one.seen, ...other.seen]) {
    if (headers.serviceidentity !== 'cart-sa.shop') t.fail('the callee is not told who calls')
    if (headers['x-pillion-original-destination']) t.fail('the destination is passed on')
  }

  const scraped = await sidecar.scrape()
  const external = 'sidecar_cluster_external_upstream_rq'
  for (const [cluster, count] of [
    [v1, 1_000 - other.seen.length],
    [v2, other.seen.length],
  ] as const) {
    const labels = { sidecar_cluster_name: cluster }
    t.equal(scraped.sum(`${external}_completed`, labels), count)
    t.equal(scraped.sum(external, { ...labels, sidecar_response_code: '200' }), count)
    t.equal(scraped.sum(`${external}_xx`, { ...labels, sidecar_response_code_class: '2' }), count)
  }
  const pair = {
    source_namespace: 'shop',
    source_kind: 'Deployment',
    source_name: 'cart-sa',
    source_pod: 'cart-0',
    destination_namespace: 'shop',
    destination_kind: 'Deployment',
    destination_name: 'stock-sa',
    destination_pod: 'other',
  }
  t.equal(scraped.sum('fsm_request_duration_ms_count', pair), other.seen.length)
  const whole = scraped.sum('fsm_request_duration_ms_bucket', { ...pair, le: '+Inf' })
  t.equal(whole, other.seen.length, 'buckets are cumulative, and the last is called +Inf')
  t.equal(scraped.sum('sidecar_server_live'), 1)
})

test('calls to elsewhere are closed, those to unknown hosts and by unknown ways are denied', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const applications = await startStock(stack)
  await using sidecar = await startExample(applications)
  const port = first(sidecar.outbound)
  const to = (destination: string) =>
    statusOrError(port, '/', { headers: { ...stock, 'x-pillion-original-destination': destination } })
  t.equal(await to('10.96.1.1:8080'), 'ECONNRESET')
  t.equal(await to('10.96.7.7:8081'), 'ECONNRESET')
  t.equal(await to('10.96.7.8:8080'), 200)
  const unknown = await ask(port, '/', { headers: { ...stock, host: 'stack' } })
  t.strictSame({ status: unknown.status, text: unknown.text }, { status: 403, text: 'Access denied' })
  const rejected = { direction: 'outbound', reason: 'unknown-port' }
  t.equal((await sidecar.scrape()).sum('pillion_connections_rejected_total', rejected), 2)
})

test('with egress on, what leaves the mesh over HTTP is still refused where the way in needs headers', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const applications = await startStock(stack)
  await using sidecar = await startExample(applications, (config) => {
    config.Spec.Traffic.EnableEgress = true
  })
  const outside = { ...stock, 'x-pillion-original-destination': applications.one.address }
  // it would be relayed as bytes, and whose destination would the next request on the connection have?
  t.equal(await statusOrError(first(sidecar.outbound), '/', { headers: outside }), 'ECONNRESET')
  t.equal(applications.one.seen.length, 0)
})

test('answers of 500 are asked for again after a wait, elsewhere, and counted', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  // each endpoint fails once
  const applications = await startStock(stack, (index) => index === 0)
  await using sidecar = await startExample(applications)
  const answers = await flood(sidecar, 20, 1)
  t.ok(answers.every(({ status }) => status === 200))
  const { one, two, standby } = applications
  t.equal(one.seen.length + two.seen.length, 18 + 2, 'two were asked for twice')
  t.equal(standby.seen.length, 0)
  const scraped = await sidecar.scrape()
  const count = (what: string) =>
    scraped.sum(`sidecar_cluster_upstream_rq_${what}`, { sidecar_cluster_name: v1 })
  const names = [
    '',
    '_success',
    '_limit_exceeded',
    '_overflow',
    '_backoff_exponential',
    '_backoff_ratelimited',
  ]
  const counts = names.map((name) => count(`retry${name}`))
  const successes = count('retry_success')
  // both fail once: in two requests, or one after the other in the same one
  t.ok(successes === 1 || successes === 2)
  t.strictSame(counts, [2, successes, 0, 0, 2, 0])
})

test('a cluster that fails is left alone: its callers are told to try later', async (t) => {
  await using _left = assertNothingLeft(t)
  await using stack = new AsyncDisposableStack()
  const applications = await startStock(stack, () => true)
  await using sidecar = await startExample(applications)
  const failed = await flood(sidecar, 60, 60)
  t.ok(failed.some(({ status }) => status === 500))
  const { one, two, other } = applications
  const before = one.seen.length + two.seen.length
  const later = await flood(sidecar, 40, 1)
  const refused = later.filter(({ status }) => status !== 200)
  t.ok(refused.length >= 30 && refused.length <= 39, 'the second version serves its share')
  for (const { status, text } of refused) t.strictSame({ status, text }, { status: 503, text: 'try later' })
  t.equal(one.seen.length + two.seen.length, before, 'nobody asks the first version any more')
  t.ok(other.seen.length > 0)

  const scraped = await sidecar.scrape()
  t.equal(scraped.sum('pillion_circuit_state', { cluster: v1 }), 2)
  t.equal(scraped.sum('pillion_circuit_opened_total', { cluster: v1 }), 1)
  const retried = (what: string) =>
    scraped.sum(`sidecar_cluster_upstream_rq_${what}`, { sidecar_cluster_name: v1 })
  t.ok(retried('retry') > 0)
  t.equal(retried('retry_success'), 0)
  t.ok(retried('retry_overflow') > 0, 'so many retries at once are over the budget')
})

import { test } from 'tap'
import type { Context } from '../context.ts'
import { ProxyError } from '../failures.ts'
import type { Direction } from '../model.ts'
import {
  type RecordingTools,
  recordingTools,
  testCluster,
  testContext,
  testModel,
  testOutcome,
  testRequest,
  testResponse,
  testRoute,
  testService,
} from '../policy/testing.ts'
import type { ByteStream } from '../stream.ts'
import { httpMetrics, tcpMetrics } from './metrics.ts'

const cluster = testCluster('shop/cart|80')
const vars = { service: testService('cart'), route: testRoute('checkout'), cluster }

/** A filter, and one exchange through it that ends with that outcome. */
function counting(direction: Direction, fsmMetrics = false, tools = recordingTools()) {
  const filter = httpMetrics(direction, tools, testModel([cluster], fsmMetrics))
  const exchange = async (
    outcome = testOutcome(),
    response = testResponse(outcome.status),
    cx: Context = testContext(vars),
  ) => {
    const answer = await filter(testRequest(), cx, async () => response)
    cx.finish(outcome)
    return answer
  }
  return { tools, filter, exchange, counted: (series: string) => tools.recorded.get(series) }
}

const names = ({ recorded }: RecordingTools) => [...recorded.keys()]

test('an exchange is counted when it ends, by service, route, status and class', async (t) => {
  const { filter, counted } = counting('inbound')
  const cx = testContext(vars)
  const request = testRequest()
  const promise = Promise.resolve(testResponse(200))
  t.equal(
    filter(request, cx, () => promise),
    promise,
    'it waits for nothing',
  )
  cx.finish(testOutcome({ status: 404, receivedBytes: 3, sentBytes: 70, durationMs: 25 }))
  t.equal(counted('pillion_requests_total{direction="inbound",service="cart",status_class="4"}'), 1)
  t.equal(counted('pillion_request_body_bytes_total{direction="inbound",service="cart"}'), 3)
  t.equal(counted('pillion_response_body_bytes_total{direction="inbound",service="cart"}'), 70)
  t.strictSame(
    counted(
      'http_server_request_duration_seconds{http_route="cart checkout",http_response_status_code="404",error_type=""}',
    ),
    [0.025],
  )
})

test('failures are counted by code and blame, and refusals by filters too', async (t) => {
  const { exchange, counted } = counting('outbound')
  await exchange(testOutcome({ status: 502, error: new ProxyError('UPSTREAM_RESET', 'reset') }))
  const cx = testContext(vars)
  cx.refusal = 'THROTTLED'
  await exchange(testOutcome({ status: 429 }), testResponse(429), cx)
  t.equal(counted('pillion_failures_total{direction="outbound",code="UPSTREAM_RESET",blame="upstream"}'), 1)
  t.equal(counted('pillion_failures_total{direction="outbound",code="THROTTLED",blame="client"}'), 1)
  t.strictSame(
    counted(
      'http_client_request_duration_seconds{http_route="cart checkout",http_response_status_code="502",error_type="UPSTREAM_RESET"}',
    ),
    [0.0125],
  )
})

test('an exchange without service or answer is counted under empty names and 0', async (t) => {
  const { exchange, counted } = counting('inbound')
  await exchange(testOutcome({ status: 0 }), testResponse(200), testContext())
  t.equal(counted('pillion_requests_total{direction="inbound",service="",status_class="0"}'), 1)
  t.strictSame(
    counted(
      'http_server_request_duration_seconds{http_route="",http_response_status_code="0",error_type=""}',
    ),
    [0.0125],
  )
})

test('an exchange that ran the chain twice is one exchange', async (t) => {
  const { filter, counted } = counting('inbound')
  const cx = testContext(vars)
  for (let run = 0; run < 2; run += 1) await filter(testRequest(), cx, async () => testResponse(200))
  cx.finish(testOutcome())
  t.equal(counted('pillion_requests_total{direction="inbound",service="cart",status_class="2"}'), 1)
})

test('statuses that strangers make up cannot make up series without end', async (t) => {
  const { tools, exchange } = counting('outbound', true)
  for (let status = 100; status < 1_100; status += 1) await exchange(testOutcome({ status }))
  for (const status of [Number.NaN, -1, 200.5, 1e9]) await exchange(testOutcome({ status }))
  const histograms = names(tools).filter((name) => name.startsWith('http_client_request_duration'))
  t.equal(histograms.length, 65)
  const classes = names(tools).filter((name) => name.startsWith('pillion_requests_total'))
  t.equal(classes.length, 6)
  const fsm = names(tools).filter((name) => name.startsWith('sidecar_cluster_external_upstream_rq{'))
  t.equal(fsm.length, 501)
})

test('inbound answers are marked and counted as FSM does, if asked for', async (t) => {
  const { exchange, counted } = counting('inbound', true)
  const source =
    'source_namespace="shop",source_workload_kind="Deployment",source_workload_name="curl",source_workload_pod="curl-1",sidecar_cluster_name="shop/cart|80"'
  t.equal(counted(`sidecar_cluster_upstream_rq_total{${source}}`), 0, 'the series is there from the start')
  const answer = await exchange(testOutcome({ status: 404 }), testResponse(404, ['FSM-Stats', 'a,b,c,d']))
  t.strictSame(answer.headers.getAll('fsm-stats'), ['shop,Deployment,curl,curl-1'])
  t.equal(counted(`sidecar_cluster_upstream_rq_total{${source}}`), 1)
  t.equal(counted(`sidecar_cluster_upstream_rq_xx{${source},sidecar_response_code_class="4"}`), 1)

  const plain = await counting('inbound').exchange()
  t.notOk(plain.headers.has('fsm-stats'))
})

test('outbound answers lose their mark, and their time is observed under it', async (t) => {
  const { tools, filter, counted } = counting('outbound', true)
  const cx = testContext(vars)
  const answer = await filter(testRequest(), cx, async () => {
    tools.clock.advance(40)
    return testResponse(200, ['fsm-stats', 'far,Deployment,cart,cart-7'])
  })
  cx.finish(testOutcome())
  t.notOk(answer.headers.has('fsm-stats'))
  t.strictSame(
    counted(
      'fsm_request_duration_ms{source_namespace="shop",source_kind="Deployment",source_name="curl",source_pod="curl-1",destination_namespace="far",destination_kind="Deployment",destination_name="cart",destination_pod="cart-7"}',
    ),
    [40],
  )
  const label = 'sidecar_cluster_name="shop/cart|80"'
  t.equal(counted(`sidecar_cluster_external_upstream_rq_completed{${label}}`), 1)
  t.equal(counted(`sidecar_cluster_external_upstream_rq{${label},sidecar_response_code="200"}`), 1)
  t.equal(counted(`sidecar_cluster_external_upstream_rq_xx{${label},sidecar_response_code_class="2"}`), 1)
  t.equal(counted(`sidecar_cluster_upstream_rq_timeout{${label}}`), 0)
})

test('marks that are wrong are dropped, and only so many right ones are told apart', async (t) => {
  const { tools, exchange } = counting('outbound', true)
  const observed = () => names(tools).filter((name) => name.startsWith('fsm_request_duration_ms'))
  for (const mark of ['', 'a,b,c', 'a,b,c,d,e', 'a,b,c,"d', 'a,b,c,d\n', `a,b,c,${'d'.repeat(600)}`]) {
    const answer = await exchange(testOutcome(), testResponse(200, ['fsm-stats', mark]))
    t.notOk(answer.headers.has('fsm-stats'))
  }
  t.equal(observed().length, 0)
  for (let pod = 0; pod < 1_100; pod += 1) {
    await exchange(testOutcome(), testResponse(200, ['fsm-stats', `a,b,c,pod-${pod}`]))
  }
  t.equal(observed().length, 1_001)
})

test('an identity that cannot stand in a header does no harm', async (t) => {
  const model = testModel([cluster], true)
  const odd = { ...model, identity: { ...model.identity, podName: 'ü,\r\nx: y' } }
  const filter = httpMetrics('inbound', recordingTools(), odd)
  const answer = await filter(testRequest(), testContext(vars), async () => testResponse(200))
  t.equal(answer.headers.get('fsm-stats'), 'shop,Deployment,curl,____x__y')
})

test('bytes of TCP connections are counted when they end; those that leave the mesh are one cluster', async (t) => {
  const tools = recordingTools()
  const filter = tcpMetrics('outbound', tools)
  const stream = {} as ByteStream
  const run = async (cx: Context, outcome = testOutcome({ receivedBytes: 5, sentBytes: 9 })) => {
    t.equal(await filter(stream, cx, async (given) => given), stream)
    cx.finish(outcome)
  }
  await run(testContext({ cluster }))
  const bytes = 'pillion_tcp_bytes_total{direction="outbound",cluster='
  t.equal(tools.recorded.get(`${bytes}"shop/cart|80",way="received"}`), 5)
  t.equal(tools.recorded.get(`${bytes}"shop/cart|80",way="sent"}`), 9)
  for (const name of ['198.51.100.1:5432', '198.51.100.2:5432']) {
    await run(testContext({ cluster: testCluster(name), isEgress: true }))
  }
  t.equal(tools.recorded.get(`${bytes}"egress",way="sent"}`), 18)
  await run(testContext(), testOutcome({ error: new ProxyError('NO_ROUTE', 'none') }))
  t.equal(
    tools.recorded.get('pillion_failures_total{direction="outbound",code="NO_ROUTE",blame="client"}'),
    1,
  )
  t.equal(names(tools).length, 7)
})

import { test } from 'tap'
import { ProxyError } from '../failures.ts'
import { HeaderList } from '../headers.ts'
import {
  recordingTools,
  testCluster,
  testContext,
  testModel,
  testOutcome,
  testRequest,
  testResponse,
  testService,
} from '../policy/testing.ts'
import type { AccessLogConfig } from '../settings.ts'
import type { ByteStream } from '../stream.ts'
import { accessLog, tcpAccessLog } from './access-log.ts'

const usual: AccessLogConfig = { path: '-', sample: 1, fields: null }

/** A log, and one exchange through it. */
function logging(change: Partial<AccessLogConfig> = {}, random?: () => number) {
  const tools = recordingTools(random ? { random } : {})
  const filter = accessLog('inbound', tools, { ...usual, ...change }, testModel())
  const exchange = async (
    outcome = testOutcome(),
    request = testRequest(),
    cx = testContext({ service: testService('cart'), cluster: testCluster('local') }),
  ) => {
    await filter(request, cx, async (given) => {
      given.path = '/rewritten'
      given.headers.set('host', 'rewritten')
      return testResponse(200)
    })
    cx.finish(outcome)
  }
  return { tools, exchange, filter }
}

test('each exchange is one line of JSON, with the request as it came', async (t) => {
  const { tools, exchange } = logging()
  const request = testRequest({ method: 'POST', path: '/a?b=1' })
  await exchange(testOutcome({ receivedBytes: 5, sentBytes: 7 }), request)
  t.strictSame(
    tools.lines.map((line) => JSON.parse(line)),
    [
      {
        time: '2026-01-02T03:04:05.665Z',
        id: 'w0-1',
        direction: 'inbound',
        method: 'POST',
        path: '/a?b=1',
        host: 'shop.example',
        protocol: 'HTTP/1.1',
        status: 200,
        error: null,
        service: 'cart',
        route: null,
        cluster: 'local',
        target: null,
        remote_address: '192.0.2.7',
        received_bytes: 5,
        sent_bytes: 7,
        duration_ms: 12.5,
      },
    ],
  )
})

test('fields are those of the config, in its order', async (t) => {
  const { tools, exchange } = logging({
    fields: {
      'the "line"': '%{method} %{path}',
      agent: '%{request_header:user-agent}',
      ms: '%{duration_ms}',
    },
  })
  await exchange(testOutcome(), testRequest({ headers: new HeaderList(['User-Agent', 'curl']) }))
  t.strictSame(tools.lines, ['{"the \\"line\\"":"GET /","agent":"curl","ms":12.5}'])
  const empty = logging({ fields: {} })
  await empty.exchange()
  t.strictSame(empty.tools.lines, ['{}'])
})

test('whatever a client sends stays within its field, on one line', async (t) => {
  const { tools, exchange } = logging()
  const path = '/"},\n{"status":200,\u2028"x":"\u001b[2J\\'
  await exchange(testOutcome({ status: 400 }), testRequest({ path }))
  t.equal(tools.lines.length, 1)
  t.notMatch(tools.lines[0], /[^ -~]/, 'it is all printable ASCII')
  t.match(JSON.parse(tools.lines[0] ?? ''), { path, status: 400 })
})

test('sampling thins lines out, but not those of failures that are ours', async (t) => {
  let chance = 0.2
  const { tools, exchange } = logging({ sample: 0.25 }, () => chance)
  await exchange()
  t.equal(tools.lines.length, 1)
  chance = 0.25
  await exchange()
  await exchange(testOutcome({ error: new ProxyError('UPSTREAM_RESET', 'reset') }))
  t.equal(tools.lines.length, 1)
  await exchange(testOutcome({ error: new ProxyError('PLUGIN_THREW', 'threw') }))
  await exchange(testOutcome({ error: new ProxyError('INTERNAL', 'a bug') }))
  t.equal(tools.lines.length, 3)
  const none = logging({ sample: 0 }, () => 0)
  await none.exchange()
  t.equal(none.tools.lines.length, 0)
})

test('an exchange that ran the chain twice is one line, with the request that came first', async (t) => {
  const { tools, filter } = logging({ fields: { path: '%{path}' } })
  const cx = testContext()
  for (const path of ['/first', '/second']) {
    await filter(testRequest({ path }), cx, async () => testResponse(200))
  }
  cx.finish(testOutcome())
  t.strictSame(tools.lines, ['{"path":"/first"}'])
})

test('a wrong template stops the log from being built, and names its field', async (t) => {
  t.throws(() => logging({ fields: { mine: '%{nothing}' } }), {
    message: /^access log field "mine": there is no field "nothing"/,
  })
})

test('a TCP connection is a line too', async (t) => {
  const tools = recordingTools()
  const filter = tcpAccessLog('outbound', tools, usual, testModel())
  const cx = testContext()
  const stream = {} as ByteStream
  t.equal(await filter(stream, cx, async (given) => given), stream)
  cx.finish(testOutcome({ status: 0, receivedBytes: 10 }))
  t.match(JSON.parse(tools.lines[0] ?? ''), {
    direction: 'outbound',
    protocol: 'TCP',
    method: null,
    path: null,
    status: null,
    received_bytes: 10,
  })
})

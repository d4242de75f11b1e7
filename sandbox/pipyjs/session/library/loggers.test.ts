import { test } from 'tap'
import { HeaderList } from '../../../../chains/headers.ts'
import { type HttpRequest, localResponse } from '../../../../chains/http.ts'
import { manualClock, recordingTools, testModel, testPort } from '../../../../chains/policy/testing.ts'
import { evaluate, load } from './testing/evaluate.ts'

test('loggers write to the log of the proxy, also without being called on', (t) => {
  using guest = load(`
    ((
      text = new logging.TextLogger('text').toStdout(),
      json = new logging.JSONLogger('json'),
      binary = new logging.BinaryLogger('binary').toStderr(),
      { log } = json,
    ) => pipy().pipeline().onStart(() => {
      text.log('a', 1, { b: 2 }, new Data('c'))
      log({ a: [1, 'x'] })
      binary.log('a', new Data('b'), [0x63, 0x64])
    }))()
  `)
  guest.start()
  t.same(guest.lines, ['text: a 1 {"b":2} c', 'json: {"a":[1,"x"]}', 'binary: abcd'])
  t.same(evaluate(["new logging.JSONLogger('x').toFile('access.log')"]), [
    { throws: 'logging: a plugin has no files; toStdout() writes to the log of the proxy' },
  ])
  t.end()
})

/** What a service got, and what it answers. */
function service(status = 200) {
  const got: { request: HttpRequest; text: Promise<string>; pool: string; target: string }[] = []
  const network = {
    request: async (
      request: HttpRequest,
      _cx: unknown,
      target: { host: string; port: number },
      pool: string,
    ) => {
      const text = request.body ? request.body.buffer(1 << 20).then(String) : Promise.resolve('')
      got.push({ request, text, pool, target: `${target.host}:${target.port}` })
      return localResponse(status, new HeaderList(), null)
    },
  }
  return { got, network }
}

const script = (options: string) => `((
  logger = new logging.JSONLogger('access').toHTTP('http://logs.example:8123/in?db=x', ${options}),
) => pipy().pipeline().onStart(() => logger.log({ n: 1 })))()`

test('records go to a granted service in batches', async (t) => {
  const clock = manualClock()
  const warnings: string[] = []
  const tools = {
    ...recordingTools({ clock }),
    log: {
      debug: () => {},
      info: () => {},
      warn: (text: string) => void warnings.push(text),
      error: () => {},
    },
  }
  const { got, network } = service()
  using guest = load(
    script(`{
      batch: { size: 3, timeout: 2, prefix: '[', postfix: ']', separator: ',' },
      headers: { 'content-type': 'application/json', host: 'ignored', 'content-length': 5 },
    }`),
    { tools, network, connect: ['logs.example:8123'] },
  )
  for (let count = 0; count < 4; count += 1) guest.start()
  t.equal(got.length, 0, 'nothing is sent from within a call')
  clock.advance(1)
  await turn()
  t.equal(got.length, 1)
  const [first] = got
  t.equal(await first?.text, '[{"n":1},{"n":1},{"n":1}]')
  t.same(
    [first?.request.method, first?.request.path, first?.target, first?.request.headers.fields],
    [
      'POST',
      '/in?db=x',
      'logs.example:8123',
      ['Host', 'logs.example:8123', 'content-type', 'application/json'],
    ],
  )
  clock.advance(1_999)
  await turn()
  t.equal(got.length, 1, 'the last record waits for others')
  clock.advance(1)
  await turn()
  t.equal(await got[1]?.text, '[{"n":1}]')
  t.same(guest.lines, [], 'nothing is in the log of the proxy')
  t.same(warnings, [])
})

test('a service that fails or does not keep up loses records, and the log says so once', async (t) => {
  const clock = manualClock()
  const warnings: string[] = []
  const tools = {
    ...recordingTools({ clock }),
    log: {
      debug: () => {},
      info: () => {},
      warn: (text: string) => void warnings.push(text),
      error: () => {},
    },
  }
  const { network } = service(500)
  using guest = load(
    `((
      logger = new logging.TextLogger('access').toHTTP('http://logs.example', { batch: { size: 1 } }),
    ) => pipy().pipeline().onStart(() => logger.log('x'.repeat(600000))))()`,
    { tools, network, connect: ['logs.example:80'] },
  )
  guest.start()
  clock.advance(1)
  await turn()
  guest.start()
  guest.start()
  clock.advance(1)
  await turn()
  t.same(warnings, ['1 records of a logger for logs.example:80 are lost: it answered 500'])
  clock.advance(60_000)
  guest.start()
  clock.advance(1)
  await turn()
  t.same(warnings.slice(1), ['3 records of a logger for logs.example:80 are lost: it answered 500'])
})

test('services that are not granted, or cannot be, are refused when the script is loaded', (t) => {
  const refused: Record<string, RegExp> = {
    "'http://logs.example/x'":
      /logs.example is not granted to tried; its policy needs grants: { connect: \["logs.example:80"\] }/,
    "'https://granted.example/x'": /https: is not there, only http:/,
    "'nowhere'": /"nowhere" is no URL/,
    "'http://granted.example', { method: 'GET' }": /by POST or PUT, and not by GET/,
    "'http://granted.example', { headers: { 'a b': 'c' } }": /^toHTTP\(\): a header: /,
    "'http://granted.example', { headers: { a: 'b\\r\\nc: d' } }": /^toHTTP\(\): a header: /,
  }
  const results = evaluate(
    Object.keys(refused).map((given) => `new logging.JSONLogger('x').toHTTP(${given})`),
    { connect: ['granted.example:*'] },
  )
  Object.entries(refused).forEach(([given, expected], at) => {
    t.match((results[at] as { throws?: string }).throws, expected, given)
  })
  const many = (path: string) =>
    `(() => { for (let n = 0; n < 20; n++) new logging.JSONLogger('x').toHTTP('http://granted.example/' + ${path}) })()`
  t.same(evaluate([many("'same'"), many('n')], { connect: ['granted.example:*'] }), [
    undefined,
    { throws: 'toHTTP(): a plugin has loggers for at most 16 services' },
  ])
  t.end()
})

test('loggers may send where the config of the plugin says, unless its policy lists other places', (t) => {
  const model = testModel()
  const tcp = { targets: [], allowEgress: false, plugins: { tried: { logs: 'http://logs.example/in' } } }
  const told = { ...model, inbound: { ...model.inbound, ports: [{ ...testPort('db'), tcp }] } }
  const open = ["typeof new logging.JSONLogger('x').toHTTP('http://logs.example/in')"]
  t.same(evaluate(open, { model: told }), ['object'])
  t.match(evaluate(open, { model: told, connect: [] }), [{ throws: /logs.example is not granted/ }])
  t.match(evaluate(open), [{ throws: /logs.example is not granted/ }])
  t.end()
})

/** Lets what has been promised happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

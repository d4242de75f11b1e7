import { test } from 'tap'
import { Application, type SeenRequest } from '../support/application.ts'
import { ask, statusOrError } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, runSidecar } from '../support/process.ts'
import { rawClient } from '../support/raw.ts'

const sent = {
  host: 'app.test',
  via: '1.0 before',
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'public.test',
  'x-request-id': 'from-the-client',
}

const forwarding: readonly (readonly [
  config: string,
  expected: Record<string, string | RegExp | undefined>,
])[] = [
  [
    '{ via: edge, forwardedFor: append, requestId: keep }',
    {
      via: '1.0 before, 1.1 edge',
      'x-forwarded-for': '203.0.113.9, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'public.test',
      'x-request-id': 'from-the-client',
    },
  ],
  [
    '{ forwardedFor: replace, requestId: replace }',
    {
      via: '1.0 before',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'app.test',
      'x-request-id': /^[\w-]+$/,
    },
  ],
  [
    '{ via: "off", forwardedFor: "off", forwardedProto: false, forwardedHost: false, requestId: "off" }',
    {
      via: '1.0 before',
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'public.test',
      'x-request-id': 'from-the-client',
    },
  ],
]

test('headers about the client are added to, replaced or left alone as the config says', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app')
  const config = (text: string) =>
    `forwarding: ${text}\ninbound: [{ name: app, listen: '127.0.0.1:0', application: '${application.address}' }]\n`
  const [begin] = forwarding
  await using sidecar = await runSidecar(config(begin?.[0] ?? ''))
  const seenAfter = async (headers: Record<string, string>): Promise<SeenRequest['headers']> => {
    await ask(first(sidecar.inbound), '/', { headers })
    return application.seen.at(-1)?.headers ?? {}
  }
  for (const [index, [text, expected]] of forwarding.entries()) {
    if (index > 0) {
      await sidecar.rewrite(config(text))
      await sidecar.program.logged(new RegExp(`^generation ${index + 1} serves$`))
    }
    const seen = await seenAfter(sent)
    t.match(seen, expected, text)
    if (expected['x-request-id'] instanceof RegExp) t.not(seen['x-request-id'], sent['x-request-id'])
  }
  await sidecar.rewrite(config('{ via: edge }'))
  await sidecar.program.logged(/^generation 4 serves$/)
  const bare = await seenAfter({ host: 'app.test' })
  t.match(bare, {
    via: '1.1 edge',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'app.test',
    'x-request-id': /./,
  })
  const next = await seenAfter({ host: 'app.test' })
  t.not(next['x-request-id'], bare['x-request-id'], 'each request has an id of its own')
})

const header = 'x-pillion-original-destination'

test('what a stranger says of the original destination is not believed, and nobody passes it on', async (t) => {
  await using _left = assertNothingLeft(t)
  await using one = await Application.start('one')
  await using two = await Application.start('two')
  const config = (from: string) => `
originalDestinationFrom: [${from}]
inbound:
  - { name: one, listen: '127.0.0.1:0', port: 80, application: '${one.address}', originalDestination: header }
  - { name: two, port: 81, application: '${two.address}', originalDestination: header }
  - { name: own, listen: '127.0.0.1:0', application: '${two.address}' }
`
  await using sidecar = await runSidecar(config('10.0.0.0/8'))
  const [some = 0, other = 0] = sidecar.inbound
  const to = (port: number, destination: string) =>
    statusOrError(port, '/', { headers: { [header]: destination } })
  const statuses = [await to(some, '10.1.1.1:80'), await to(other, '10.1.1.1:80')]
  t.strictSame(
    statuses.toSorted(),
    [200, 400],
    'a listener with one rule does not ask; the other one does not believe',
  )
  t.equal(one.seen.length, 0)
  t.equal(two.seen.length, 1)

  await sidecar.rewrite(config('10.0.0.0/8, 127.0.0.1'))
  await sidecar.program.logged(/^generation 2 serves$/)
  const byHeader = statuses[0] === 400 ? some : other
  t.equal(await to(byHeader, '10.1.1.1:80'), 200)
  t.equal(await to(byHeader, '10.1.1.1:81'), 200)
  t.strictSame([one.seen.length, two.seen.length], [1, 2])
  t.equal(await to(byHeader, '10.1.1.1:82'), 'ECONNRESET')
  for (const wrong of ['10.1.1.1', 'nonsense', '10.1.1.1:0', '10.1.1.1:65536', '[10.1.1.1]:80']) {
    t.equal(await to(byHeader, wrong), 400, wrong)
  }
  // said twice, nobody knows which one is meant
  await using twice = await rawClient(byHeader)
  twice.send(
    `GET / HTTP/1.1\r\nHost: a\r\n${header}: 10.1.1.1:80\r\nX-Pillion-Original-Destination: 10.1.1.1:81\r\n\r\n`,
  )
  await twice.untilText('HTTP/1.1 400 ')
  const seen = [...one.seen, ...two.seen]
  t.ok(
    seen.every(({ headers }) => !(header in headers)),
    'it is never passed on',
  )
})

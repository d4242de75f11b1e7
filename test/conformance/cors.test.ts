import { test } from 'tap'
import { Application } from '../support/application.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { manifest, type Pod, startPod } from './pod.ts'

const name = 'cors-policy'
const pluginConfig = {
  allowOrigins: [
    { exact: 'https://shop.example' },
    { prefix: 'https://stage.' },
    { regex: '^http://localhost:[0-9]+$' },
  ],
  allowMethods: ['GET', 'POST'],
  allowHeaders: ['x-one', 'x-two'],
  exposeHeaders: ['x-total'],
  allowCredentials: true,
  maxAge: '24h',
}
const allowed = ['https://shop.example', 'https://stage.eu.example', 'http://localhost:3000']

/** Answers every request for /none by itself, with a head that has no headers. */
const headless = `
pipy({ _path: '' })
.pipeline()
.handleMessageStart(msg => _path = msg.head.path)
.branch(
  () => _path === '/none', $ => $.replaceMessage(new Message({ status: 404 }, 'nothing here')),
  $ => $.chain()
)`

const startCors = async (app: Application): Promise<Pod> =>
  startPod({
    direction: 'inbound',
    services: { shop: { address: app.address, plugins: { [name]: pluginConfig } } },
    mounted: { [name]: 165, headless: 115 },
    files: { ...(await manifest(name)), 'headless.js': headless },
  })

const corsHeaders = (headers: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(headers).filter(([header]) => header.startsWith('access-control-')))

test('8: cors-policy', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop', ({ body }, response) => {
    response.writeHead(200, { 'x-total': '3' }).end(`got ${body}`)
  })
  await using pod = await startCors(app)

  await t.test(
    'a preflight of each kind of origin is answered with exactly the headers of the config',
    async (t) => {
      for (const origin of allowed) {
        const answer = await pod.ask('shop', '/', { method: 'OPTIONS', headers: { origin } })
        t.equal(answer.status, 200)
        t.equal(answer.text, '')
        t.strictSame(corsHeaders(answer.headers), {
          'access-control-allow-credentials': 'true',
          'access-control-expose-headers': 'x-total',
          'access-control-allow-methods': 'GET,POST',
          'access-control-allow-headers': 'x-one,x-two',
          'access-control-max-age': '86400',
          'access-control-allow-origin': origin,
        })
      }
      t.equal(app.seen.length, 0)
    },
  )

  await t.test('an actual request is forwarded, and its answer says who may read it', async (t) => {
    for (const origin of allowed) {
      const answer = await pod.ask('shop', '/', { method: 'POST', headers: { origin }, body: 'an order' })
      t.equal(answer.text, 'got an order')
      t.equal(answer.headers['x-total'], '3')
      t.strictSame(corsHeaders(answer.headers), {
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'x-total',
        'access-control-allow-origin': origin,
      })
    }
  })

  await t.test('other origins, and requests without one, are left as they are', async (t) => {
    for (const headers of [{}, { origin: 'https://evil.example' }, { origin: 'http://localhost:x' }]) {
      for (const method of ['GET', 'OPTIONS']) {
        const answer = await pod.ask('shop', '/', { method, headers })
        t.equal(answer.text, 'got ')
        t.strictSame(corsHeaders(answer.headers), {})
      }
    }
  })

  await t.test('an answer that was made without headers gets them too', async (t) => {
    const [origin] = allowed
    const answer = await pod.ask('shop', '/none', { headers: { origin } })
    t.equal(answer.status, 404)
    t.equal(answer.text, 'nothing here')
    t.equal(answer.headers['access-control-allow-origin'], origin)
    t.equal((await pod.plugin(name))?.errors, 0)
  })

  t.equal((await pod.plugin(name))?.errors, 0)
  await pod.assertIdle(t)
})

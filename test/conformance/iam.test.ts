import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Application } from '../support/application.ts'
import { ask, keptConnections, type Question } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, newFolder, runSidecar } from '../support/process.ts'
import { deadPort, RawUpstream } from '../support/raw.ts'
import { manifest, type Pod, startPod } from './pod.ts'

const injector = 'token-injector'
const verifier = 'token-verifier'
const pauseMs = 1_500

/** Answers 200 to the one token that is right, 401 to all others. */
const startVerifier = (afterMs = 0) =>
  Application.start('verifier', async ({ headers }, response) => {
    await sleep(afterMs)
    response.writeHead(headers['x-iam-token'] === 'right' ? 200 : 401).end()
  })

/** Gives the script its own patience; its text is as it is. */
async function verifierManifest(): Promise<Record<string, string>> {
  const files = await manifest(verifier)
  const annotated = (text: string) =>
    text.replace('metadata:', `metadata:\n  annotations: { pillion.dev/pause-ms: "${pauseMs}" }`)
  return Object.fromEntries(Object.entries(files).map(([file, text]) => [file, annotated(text)]))
}

/** One service for each verifier; paths under /pets of any host are guarded. */
async function startVerifying(app: Application, verifiers: Readonly<Record<string, number>>): Promise<Pod> {
  const services = Object.entries(verifiers).map(([service, port]) => {
    const config = { Verifier: `127.0.0.1:${port}`, Paths: ['/pets', '/pets/*'] }
    return [service, { address: app.address, plugins: { [verifier]: config } }] as const
  })
  return startPod({
    direction: 'inbound',
    services: Object.fromEntries(services),
    mounted: { [verifier]: 115 },
    files: await verifierManifest(),
  })
}

const withToken = (token: string): Question => ({ headers: { 'x-iam-token': token } })
const order: Question = { method: 'POST', body: 'an order '.repeat(1_000) }

test('11: token-verifier', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop', ({ body }, response) => void response.end(`got ${body}`))
  await using quick = await startVerifier()
  await using slow = await startVerifier(700)
  await using silent = await RawUpstream.listen(async (connection) => {
    await connection.nextRequest()
    connection.end()
  })
  await using hanging = await RawUpstream.listen(() => {})
  const ports = {
    hanging: hanging.port,
    quick: quick.port,
    slow: slow.port,
    silent: silent.port,
    down: await deadPort(),
  }
  await using pod = await startVerifying(app, ports)
  t.beforeEach(() => void app.seen.splice(0))

  await t.test('200 lets a request through with its body, and any other answer is 401', async (t) => {
    const right = await pod.ask('quick', '/pets/1', { ...order, ...withToken('right') })
    t.strictSame([right.status, right.text], [200, `got ${order.body}`])
    t.match(quick.seen[0], { method: 'POST', path: '/pets/1', body: order.body })
    const wrong = await pod.ask('quick', '/pets/1', { ...order, ...withToken('wrong') })
    t.strictSame([wrong.status, wrong.text], [401, 'Unauthorized!'])
    t.equal((await pod.ask('quick', '/pets')).status, 401)
    t.equal((await pod.ask('quick', '/pets?all')).status, 401, 'a query does not count')
    t.equal(app.seen.length, 1)
  })

  await t.test('a path that is not listed asks nobody', async (t) => {
    const before = quick.seen.length
    for (const path of ['/', '/petshop', '/pets2/1']) t.equal((await pod.ask('quick', path)).status, 200)
    t.equal(quick.seen.length, before)
  })

  await t.test('a connection that is kept serves several requests, each by its own token', async (t) => {
    using agent = keptConnections()
    for (const token of ['right', 'wrong', 'right', 'right', 'wrong', 'right']) {
      const { status, text } = await pod.ask('quick', '/pets', { ...order, ...withToken(token), agent })
      t.equal(status, token === 'right' ? 200 : 401)
      t.equal(text, token === 'right' ? `got ${order.body}` : 'Unauthorized!')
    }
    t.equal(app.seen.length, 4)
  })

  await t.test('a slow verifier is waited for', async (t) => {
    const begun = performance.now()
    t.equal((await pod.ask('slow', '/pets', { ...order, ...withToken('right') })).text, `got ${order.body}`)
    t.ok(performance.now() - begun >= 690)
    t.equal((await pod.ask('slow', '/pets', withToken('wrong'))).status, 401)
  })

  await t.test('a verifier that is down is a 502, and so a 401', async (t) => {
    const { status, text } = await pod.ask('down', '/pets', { ...order, ...withToken('right') })
    t.strictSame([status, text], [401, 'Unauthorized!'])
    t.equal(app.seen.length, 0)
  })

  await t.test('one that closes without an answer is refused at once', async (t) => {
    const { status, text } = await pod.ask('silent', '/pets', { ...order, ...withToken('right') })
    t.strictSame([status, text], [401, 'Unauthorized!'])
    t.equal(app.seen.length, 0)
  })

  await t.test('one that never answers is refused when the patience of the plugin ends', async (t) => {
    const begun = performance.now()
    const { status } = await pod.ask('hanging', '/pets', { ...order, ...withToken('right') })
    const took = performance.now() - begun
    t.ok(took > pauseMs - 20 && took < pauseMs + 3_000, `${took} ms`)
    t.equal(status, 503)
    t.equal(app.seen.length, 0)
  })

  await pod.assertIdle(t)
})

/** Where FSM's own resources mount the verifier, and for which service. */
const mounting = (port: number): string => `
apiVersion: plugin.flomesh.io/v1alpha1
kind: PluginChain
metadata: { name: iam, namespace: demo }
spec:
  chains: [{ name: inbound-http, plugins: [${verifier}] }]
  selectors: { podSelector: { matchLabels: { app: shop } } }
---
apiVersion: plugin.flomesh.io/v1alpha1
kind: PluginConfig
metadata: { name: iam, namespace: demo }
spec:
  plugin: ${verifier}
  destinationRefs: [{ kind: Service, name: shop, namespace: demo }]
  config: { Verifier: '127.0.0.1:${port}', Paths: [/pets] }
`

test('11: token-injector and token-verifier, one in front of the other, let an application in', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop', ({ body }, response) => void response.end(`got ${body}`))
  await using quick = await startVerifier()
  await using folder = await newFolder()
  const files = { ...(await manifest(verifier)), 'mounting.yaml': mounting(quick.port) }
  for (const [file, text] of Object.entries(files)) await folder.write(file, text)
  const own = `
sidecar: { name: shop, namespace: demo, labels: { app: shop } }
inbound: [{ name: shop, listen: '127.0.0.1:0', application: '${app.address}' }]
`
  await using inbound = await runSidecar(own, { args: ['-f', folder.path] })
  const address = `127.0.0.1:${first(inbound.inbound)}`
  await using pod = await startPod({
    direction: 'outbound',
    services: {
      shop: { address, plugins: { [injector]: { AccessToken: 'right' } } },
      plain: { address: app.address },
    },
    mounted: { [injector]: 115 },
    files: await manifest(injector),
  })
  t.equal((await pod.ask('plain')).text, 'got ')
  t.notOk('x-iam-token' in (app.seen[0]?.headers ?? {}))
  t.equal((await ask(first(inbound.inbound), '/pets', { headers: { host: 'shop' } })).status, 401)
  using agent = keptConnections()
  for (let count = 0; count < 3; count += 1) {
    const { status, text } = await pod.ask('shop', '/pets', { ...order, agent })
    t.strictSame([status, text], [200, `got ${order.body}`])
  }
  t.equal(app.seen.at(-1)?.headers['x-iam-token'], 'right')
  await pod.assertIdle(t)
})

import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { test } from 'tap'
import type { Model } from '../chains/model.ts'
import type { Probe } from '../chains/settings.ts'
import { modelOf } from '../test/support/model.ts'
import { assertNothingLeft } from '../test/support/nothing-left.ts'
import { ProbeServers, probeTarget } from './probes.ts'

interface App extends AsyncDisposable {
  readonly port: number
  readonly asked: IncomingMessage[]
}

/** An application that answers with the status that the last part of the path names. */
async function startApp(): Promise<App> {
  const asked: IncomingMessage[] = []
  const server = createServer((incoming, outgoing) => {
    asked.push(incoming)
    outgoing.writeHead(Number(incoming.url?.split('/').at(-1)) || 200, { 'x-secret': 'yes' })
    outgoing.end('only for this pod')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    port,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: IncomingMessage['headers']
}

function probe(port: number, headers = {}, path = '/', method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, method, headers, agent: false },
      async (answer) => {
        let text = ''
        for await (const bytes of answer) text += bytes
        resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers })
      },
    )
    asked.once('error', reject)
    asked.end()
  })
}

const withProbes = (model: Model, ...probes: Probe[]): Model => ({ ...model, probes })

/** Probe servers for one liveness port of the kernel's choice. */
async function startProbes(appPort: number) {
  const servers = new ProbeServers()
  const model = withProbes(modelOf({ upstreams: [appPort] }), { kind: 'liveness', port: 0 })
  const prepared = await servers.prepare(model)
  prepared.commit()
  const port = Number(servers.addresses[0]?.split(':').at(-1))
  return { port, [Symbol.asyncDispose]: () => servers.close() }
}

test('a probe gets the status of the application, but neither its body nor its headers', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await startApp()
  await using probes = await startProbes(1)
  const to = { 'Original-Http-Port': app.port, 'Original-Http-Path': '/health/503', Host: 'app', 'X-A': 'b' }
  const answer = await probe(probes.port, to)
  t.equal(answer.status, 503)
  t.notMatch(answer.text, /only for this pod/)
  t.notOk(answer.headers['x-secret'])
  t.equal(app.asked[0]?.url, '/health/503')
  t.match(app.asked[0]?.headers, { host: 'app', 'x-a': 'b' })
  t.notOk(app.asked[0]?.headers['original-http-port'])
})

test('without headers a probe goes to the application behind the first plain HTTP port', async (t) => {
  await using app = await startApp()
  await using probes = await startProbes(app.port)
  t.equal((await probe(probes.port, {}, '/ok?x=1')).status, 200)
  t.equal(app.asked[0]?.url, '/ok?x=1')
  t.equal((await probe(probes.port, {}, '/404', 'HEAD')).status, 404)
})

test('a TCP probe is 200 where somebody listens and 502 where nobody does', async (t) => {
  await using probes = await startProbes(1)
  const listener = createTcpServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as { port: number }
  t.equal((await probe(probes.port, { 'Original-Tcp-Port': port })).status, 200)
  await new Promise((resolve) => listener.close(resolve))
  t.equal((await probe(probes.port, { 'Original-Tcp-Port': port })).status, 502)
  t.equal((await probe(probes.port, { 'Original-Http-Port': port })).status, 502)
})

test('probes cannot change anything, and nonsense in their headers is 400', async (t) => {
  await using app = await startApp()
  await using probes = await startProbes(app.port)
  const { port } = probes
  t.equal((await probe(port, { 'Original-Http-Port': app.port }, '/', 'POST')).status, 405)
  for (const bad of ['0', '65536', '80, 81', '-1', '1e3', 'http', '000000080']) {
    t.equal((await probe(port, { 'Original-Http-Port': bad })).status, 400, bad)
    t.equal((await probe(port, { 'Original-Tcp-Port': bad })).status, 400, bad)
  }
  for (const bad of ['', 'x', 'http://elsewhere/', '/with space', '/caf\xe9']) {
    t.equal((await probe(port, { 'Original-Http-Path': bad })).status, 400, JSON.stringify(bad))
  }
  t.equal(app.asked.length, 0)
})

test('a sidecar without plain HTTP sends probes to port 80', async (t) => {
  const model = modelOf({ upstreams: [1], protocol: 'tcp' })
  t.strictSame(probeTarget({}, '/x', model), { kind: 'http', host: '127.0.0.1', port: 80, path: '/x' })
})

test('ports follow the model, and a port that is taken changes nothing', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await startApp()
  const servers = new ProbeServers()
  const model = modelOf({ upstreams: [app.port] })
  const liveness: Probe = { kind: 'liveness', port: 0 }
  const first = await servers.prepare(withProbes(model, liveness))
  first.commit()
  const [kept] = servers.addresses
  const taken: Probe = { kind: 'startup', port: app.port }
  await t.rejects(
    servers.prepare(withProbes(model, liveness, taken)),
    /^startup probe port 127.0.0.1:\d+: the address is already in use$/,
  )
  t.strictSame(servers.addresses, [kept])
  const second = await servers.prepare(
    withProbes(model, liveness, { kind: 'readiness', port: 0, host: '::1' }),
  )
  await second.discard()
  t.strictSame(servers.addresses, [kept])
  const third = await servers.prepare(withProbes(model))
  third.commit()
  t.strictSame(servers.addresses, [])
  await servers.close()
})

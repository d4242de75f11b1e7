import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { deferred } from '../../proxy/supervisor/deferred.ts'
import { Application } from '../support/application.ts'
import { ask, statusOrError } from '../support/ask.ts'
import type { RawConnection } from '../support/connection.ts'
import { takeAnswers } from '../support/messages.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { first, runSidecar, type SidecarProcess } from '../support/process.ts'
import { RawUpstream, rawClient } from '../support/raw.ts'

const get = 'GET /slow HTTP/1.1\r\nHost: slow\r\n\r\n'

/** An application that answers `/slow` only when it is told to. */
async function startSlow(): Promise<{ application: Application; release: () => void }> {
  const { promise, resolve: release } = deferred<void>()
  const application = await Application.start('slow', async ({ path }, response) => {
    if (path === '/slow') await promise
    response.write('half and ')
    response.end('whole')
  })
  return { application, release }
}

const configOf = (address: string, drain: string, more = ''): string => `
workers: 2
timeouts: { drain: ${drain} }
inbound:
  - { name: slow, listen: '127.0.0.1:0', application: '${address}' }
  ${more}
outbound:
  listen: 127.0.0.1:0
  services: [{ name: slow, endpoints: ['${address}'] }]
`

async function clients(stack: AsyncDisposableStack, sidecar: SidecarProcess, count: number) {
  const ports = [...sidecar.inbound.slice(0, 1), ...sidecar.outbound]
  const made: RawConnection[] = []
  for (let index = 0; index < count; index += 1) {
    made.push(stack.use(await rawClient(ports[index % ports.length] ?? 0)))
  }
  return made
}

test('after SIGTERM, all that is in flight is answered with Connection: close, nobody new is let in, and the code is 0', async (t) => {
  await using _left = assertNothingLeft(t)
  const { application, release } = await startSlow()
  await using slow = application
  await using sidecar = await runSidecar(configOf(slow.address, '20s'))
  await using stack = new AsyncDisposableStack()
  const busy = await clients(stack, sidecar, 12)
  const idle = await clients(stack, sidecar, 4)
  for (const client of busy) client.send(get)
  for (const client of idle) client.send(get.replace('/slow', '/'))
  await Promise.all(idle.map((client) => client.untilText('whole')))
  await eventually(() => slow.seen.length === 16, 'all requests are at the application')

  sidecar.program.child.kill('SIGTERM')
  await sidecar.program.logged(/^draining$/)
  for (const client of idle)
    t.ok(['end', 'reset'].includes(await client.untilEnded()), 'idle ones are closed')
  for (const port of [first(sidecar.inbound), first(sidecar.outbound)]) {
    t.equal(await statusOrError(port), 'ECONNREFUSED')
  }
  t.equal((await ask(sidecar.admin, '/ready')).status, 503)
  t.equal((await ask(sidecar.admin, '/live')).status, 200)
  t.equal(sidecar.program.child.exitCode, null, 'it waits for what is in flight')

  release()
  for (const client of busy) {
    t.equal(await client.untilEnded(), 'end')
    client.end()
    const [answer] = takeAnswers(client.received)
    t.equal(answer?.startLine, 'HTTP/1.1 200 OK')
    t.equal(answer?.body.toString(), 'half and whole')
    t.match(answer?.head, /^connection: close\r$/im)
  }
  t.strictSame(await sidecar.program.exited, { code: 0, signal: null })
})

test('a request whose body is still coming, and TCP that is still spoken, are carried to their ends', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app', ({ body }, response) => void response.end(body))
  await using echo = await RawUpstream.listen((connection) => {
    connection.socket.on('data', (bytes: Buffer) => connection.send(bytes))
    connection.socket.on('end', () => connection.end())
  })
  const tcp = `- { name: tcp, listen: '127.0.0.1:0', protocol: tcp, application: '127.0.0.1:${echo.port}' }`
  await using sidecar = await runSidecar(configOf(application.address, '20s', tcp))
  const [http = 0, relay = 0] = sidecar.inbound
  await using posting = await rawClient(http)
  posting.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst')
  await using talking = await rawClient(relay)
  talking.send('one ')
  await talking.untilText('one ')
  await eventually(() => application.connections > 0, 'the body is on its way')

  sidecar.program.child.kill('SIGTERM')
  await sidecar.program.logged(/^draining$/)
  talking.send('two')
  await talking.untilText('one two')
  posting.send(' half')
  await posting.untilText('first half')
  t.match(posting.text, /^connection: close\r$/im)
  posting.end()
  talking.end()
  t.equal(await talking.untilEnded(), 'end')
  t.strictSame(await sidecar.program.exited, { code: 0, signal: null })
})

test('what is not over at the deadline is cut, and the code is 0 all the same', async (t) => {
  await using _left = assertNothingLeft(t)
  const { application, release } = await startSlow()
  await using slow = application
  await using sidecar = await runSidecar(configOf(slow.address, '300ms'))
  await using stack = new AsyncDisposableStack()
  const busy = await clients(stack, sidecar, 4)
  for (const client of busy) client.send(get)
  await eventually(() => slow.seen.length === 4, 'all requests are at the application')
  const startedAt = performance.now()
  sidecar.program.child.kill('SIGTERM')
  t.strictSame(await sidecar.program.exited, { code: 0, signal: null })
  const took = performance.now() - startedAt
  t.ok(took > 250 && took < 10_000, `it took ${took.toFixed(0)} ms`)
  for (const client of busy) {
    await client.untilEnded()
    t.equal(client.text, '', 'half an answer is no answer')
  }
  release()
})

test('a second SIGTERM ends it at once', async (t) => {
  await using _left = assertNothingLeft(t)
  const { application, release } = await startSlow()
  await using slow = application
  await using sidecar = await runSidecar(configOf(slow.address, '60s'))
  await using stack = new AsyncDisposableStack()
  const [client] = await clients(stack, sidecar, 1)
  client?.send(get)
  await eventually(() => slow.seen.length === 1, 'the request is at the application')
  sidecar.program.child.kill('SIGTERM')
  await sidecar.program.logged(/^draining$/)
  await sleep(50)
  t.equal(sidecar.program.child.exitCode, null)
  sidecar.program.child.kill('SIGTERM')
  t.strictSame(await sidecar.program.exited, { code: 143, signal: null })
  release()
})

test('the admin port drains and ends the program as a signal does', async (t) => {
  await using _left = assertNothingLeft(t)
  const { application, release } = await startSlow()
  await using slow = application
  await using sidecar = await runSidecar(configOf(slow.address, '20s'))
  await using stack = new AsyncDisposableStack()
  const [client] = await clients(stack, sidecar, 1)
  client?.send(get)
  await eventually(() => slow.seen.length === 1, 'the request is at the application')
  t.equal((await ask(sidecar.admin, '/drain')).status, 405, 'GET changes nothing')
  t.equal((await ask(sidecar.admin, '/ready')).status, 200)
  t.match(await ask(sidecar.admin, '/drain', { method: 'POST' }), { status: 200 })
  t.equal((await ask(sidecar.admin, '/ready')).status, 503)
  await sidecar.program.logged(/^draining$/)
  t.match(await ask(sidecar.admin, '/quitquitquit', { method: 'POST' }), { status: 200 })
  t.equal(sidecar.program.child.exitCode, null)
  release()
  await client?.untilText('whole')
  client?.end()
  t.strictSame(await sidecar.program.exited, { code: 0, signal: null })
})

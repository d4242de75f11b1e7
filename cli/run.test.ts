import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { type RunningProgram, startProgram } from '../test/support/program.ts'

interface App extends AsyncDisposable {
  readonly port: number
  readonly server: Server
  /** Lets requests for `/slow` be answered. */
  release(): void
  /** Resolves when a request for `/slow` has arrived. */
  readonly arrived: Promise<void>
}

/** An application that answers with its name, and to `/slow` only when it is told to. */
async function startApp(name: string): Promise<App> {
  let release = (): void => {}
  let arrive = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const server = createServer(async (incoming, outgoing) => {
    if (incoming.url === '/slow') {
      arrive()
      await released
    }
    outgoing.end(name)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    port,
    server,
    release,
    arrived,
    async [Symbol.asyncDispose]() {
      release()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Place extends AsyncDisposable {
  readonly file: string
  write(text: string): Promise<void>
}

async function configFile(text: string): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-run-'))
  const file = join(folder, 'sidecar.yaml')
  const write = async (next: string): Promise<void> => {
    await writeFile(`${file}.new`, next)
    await rename(`${file}.new`, file)
  }
  await write(text)
  return { file, write, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

const config = (appPort: number, extra = ''): string => `
admin: 127.0.0.1:0
metrics: off
workers: 2
timeouts: { drain: 20s }
inbound:
  - { name: app, listen: '127.0.0.1:0', application: '127.0.0.1:${appPort}' }
${extra}`

interface Answer {
  readonly status: number
  readonly text: string
  readonly connection: string | undefined
}

function ask(port: number, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false }, async (answer) => {
      let text = ''
      for await (const bytes of answer) text += bytes
      resolve({ status: answer.statusCode ?? 0, text, connection: answer.headers.connection })
    })
    asked.once('error', reject)
    asked.end()
  })
}

/** Waits until the sidecar serves; tells its inbound and its admin port. */
async function ports(program: RunningProgram): Promise<{ inbound: number; admin: number }> {
  const inbound = await program.logged(/^inbound listens on /)
  const admin = await program.logged(/^admin listens on /)
  return { inbound: Number(inbound.port), admin: Number(admin.port) }
}

test('SIGTERM answers what is in flight, is unready meanwhile, and exits with 0', async (t) => {
  await using app = await startApp('app')
  await using place = await configFile(config(app.port))
  await using program = startProgram(['run', '-c', place.file])
  const { inbound, admin } = await ports(program)
  t.equal((await ask(admin, '/ready')).status, 200)
  t.equal((await ask(inbound, '/')).text, 'app')
  const slow = ask(inbound, '/slow')
  await app.arrived
  program.child.kill('SIGTERM')
  await program.logged(/^draining$/)
  t.equal((await ask(admin, '/ready')).status, 503)
  await t.rejects(ask(inbound, '/'), { code: 'ECONNREFUSED' }, 'nobody accepts')
  app.release()
  t.match(await slow, { status: 200, text: 'app', connection: 'close' })
  t.strictSame(await program.exited, { code: 0, signal: null })
})

test('what is in flight at the drain limit is cut, and the exit code is still 0', async (t) => {
  await using app = await startApp('app')
  await using place = await configFile(config(app.port).replace('drain: 20s', 'drain: 100ms'))
  await using program = startProgram(['run', '-c', place.file])
  const { inbound } = await ports(program)
  const slow = ask(inbound, '/slow')
  await app.arrived
  program.child.kill('SIGTERM')
  await t.rejects(slow)
  t.strictSame(await program.exited, { code: 0, signal: null })
})

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  test(`a second ${signal} exits at once with ${code}`, async (t) => {
    await using app = await startApp('app')
    await using place = await configFile(config(app.port))
    await using program = startProgram(['run', '-c', place.file])
    const { inbound } = await ports(program)
    const slow = ask(inbound, '/slow')
    await app.arrived
    program.child.kill('SIGTERM')
    await program.logged(/^draining$/)
    program.child.kill(signal)
    await t.rejects(slow)
    t.strictSame(await program.exited, { code, signal: null })
  })
}

test('a new config comes into service by itself and by SIGHUP, and a bad one changes nothing', async (t) => {
  await using one = await startApp('one')
  await using two = await startApp('two')
  await using place = await configFile(config(one.port))
  await using program = startProgram(['run', '-c', place.file])
  const { inbound, admin } = await ports(program)
  await program.logged(/^generation \d+ serves$/)
  t.equal((await ask(inbound, '/')).text, 'one')
  await place.write(config(two.port))
  await program.logged(/^generation \d+ serves$/, 1)
  t.equal((await ask(inbound, '/')).text, 'two')
  await place.write(config(one.port, 'nonsense: 1'))
  program.child.kill('SIGHUP')
  await program.logged(/^config refused, the old one still serves: .*sidecar\.yaml:\d+:\d+: .*nonsense/)
  t.equal((await ask(inbound, '/')).text, 'two')
  t.equal((await ask(admin, '/ready')).status, 200)
  await place.write(config(one.port))
  program.child.kill('SIGHUP')
  await program.logged(/^generation \d+ serves$/, 2)
  t.equal((await ask(inbound, '/')).text, 'one')
  program.child.kill('SIGINT')
  t.strictSame(await program.exited, { code: 0, signal: null })
})

test('SIGTERM before anything serves exits with 0', async (t) => {
  await using app = await startApp('app')
  await using place = await configFile(config(app.port))
  await using program = startProgram(['run', '-c', place.file])
  await program.logged(/^inbound listens on /)
  program.child.kill('SIGTERM')
  t.strictSame(await program.exited, { code: 0, signal: null })
})

test('a peer that only connects does not hold the end up', async (t) => {
  await using app = await startApp('app')
  await using place = await configFile(config(app.port))
  await using program = startProgram(['run', '-c', place.file])
  const { inbound } = await ports(program)
  const idle = connect(inbound, '127.0.0.1')
  idle.on('error', () => {})
  await once(idle, 'connect')
  program.child.kill('SIGTERM')
  t.strictSame(await program.exited, { code: 0, signal: null })
  idle.destroy()
})

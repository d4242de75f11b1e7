import { once } from 'node:events'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { assertNothingLeft, eventually } from '../../test/support/nothing-left.ts'
import type { LoggedLine } from '../../test/support/program.ts'
import { Refusal } from './refusal.ts'
import { type Sidecar, startSidecar } from './sidecar.ts'

const workerUrl = new URL('../../test/fixtures/scripted-worker.ts', import.meta.url)

const config = (extra = '') => `
sidecar: { name: pod }
admin: 127.0.0.1:0
metrics: 127.0.0.1:0
workers: 2
timeouts: { drain: 5s }
inbound:
  - { name: app, listen: '127.0.0.1:0', application: '127.0.0.1:8081' }
${extra}`

interface Running extends AsyncDisposable {
  readonly sidecar: Sidecar
  readonly folder: string
  readonly file: string
  readonly log: readonly LoggedLine[]
  /** How many lines of the log match. */
  count(message: RegExp): number
  get(path: string): Promise<{ status: number; body: unknown }>
  generation(): Promise<unknown>
}

async function start(text = config(), lay = (file: string) => writeFile(file, text)): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-sidecar-'))
  const file = join(folder, 'sidecar.yaml')
  await lay(file)
  const log: LoggedLine[] = []
  const sidecar = await startSidecar({
    source: { configFile: file, flags: {}, env: {} },
    version: '1.2.3',
    write: (line) => log.push(JSON.parse(line)),
    supervision: { workerUrl, respawn: { firstMs: 10, maxMs: 50, calmMs: 60_000 } },
    pollMs: 200,
  })
  const get = async (path: string): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`http://127.0.0.1:${sidecar.admin?.port}${path}`, {
      headers: { connection: 'close', accept: 'application/json' },
    })
    const body = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, body: isJson ? JSON.parse(body) : body }
  }
  return {
    sidecar,
    folder,
    file,
    log,
    count: (message) => log.filter((line) => message.test(line.message)).length,
    get,
    generation: async () => ((await get('/generations')).body as { current: unknown }).current,
    async [Symbol.asyncDispose]() {
      await sidecar.shutdown()
      await rm(folder, { recursive: true })
    },
  }
}

/** Sends one word to a worker and resolves with its answer; empty when the connection was cut. */
async function say(sidecar: Sidecar, word: string): Promise<string> {
  const socket = connect(sidecar.listeners[0]?.port ?? 0, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(word)
  const answer = await new Promise<string>((resolve) => {
    socket.once('data', (bytes) => resolve(bytes.toString().trim()))
    socket.once('close', () => resolve(''))
  })
  socket.destroy()
  return answer
}

async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

test('a sidecar serves, tells where it listens, and leaves nothing behind', async (t) => {
  await using _left = assertNothingLeft(t)
  await using it = await start()
  const port = it.sidecar.listeners[0]?.port
  t.ok(it.log.some((line) => line.message === `inbound listens on 127.0.0.1:${port}` && line.port === port))
  t.equal(it.count(/^(admin|metrics) listens on 127\.0\.0\.1:\d+$/), 2)
  t.equal((await it.get('/ready')).status, 200)
  t.match(await say(it.sidecar, 'who'), /^[12] 1$/)
})

test('a config that is replaced comes into service, and stays when the next one is bad', async (t) => {
  await using it = await start()
  const port = it.sidecar.listeners[0]?.port
  await replace(it.file, config('fsmMetrics: true'))
  await eventually(() => it.count(/^generation \d+ serves$/) === 2, 'the new config serves')
  t.equal(it.sidecar.listeners[0]?.port, port)
  t.match(await say(it.sidecar, 'who'), / 2$/)

  await replace(it.file, config('inbuond: []'))
  await eventually(() => it.count(/^config refused/) === 1, 'the bad config is refused')
  const refusal = it.log.find((line) => /^config refused/.test(line.message))
  t.match(refusal?.message, /the old one still serves: .*sidecar\.yaml:\d+:\d+: .*inbuond/)
  t.match(await say(it.sidecar, 'who'), / 2$/)
  t.equal((await it.get('/ready')).status, 200)
  const { body } = await it.get('/generations')
  t.match(body, {
    current: 2,
    history: [
      {
        generation: 3,
        outcome: 'refused',
        source: it.file,
        cause: `file changed: ${it.file}`,
        reasons: [/inbuond/],
      },
      { generation: 2, outcome: 'ok', reasons: [] },
      { generation: 1, outcome: 'ok', cause: 'start' },
    ],
  })

  await replace(it.file, config('fsmMetrics: false'))
  await eventually(() => it.count(/^generation \d+ serves$/) === 3, 'the cured config serves')
  t.equal(await it.generation(), 4)
})

test('a config that a worker refuses changes nothing and says why', async (t) => {
  await using it = await start()
  await replace(it.file, config().replace('name: pod', "name: 'refuse:2'"))
  await eventually(() => it.count(/^config refused/) === 1, 'it is refused')
  t.match(it.log.at(-1)?.message, /: worker 2 does not like it$/)
  t.equal(await it.generation(), 1)
  t.equal((await it.get('/ready')).status, 200)
})

test('the swap of a ConfigMap is followed', async (t) => {
  const write = async (folder: string, name: string, text: string): Promise<void> => {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'sidecar.yaml'), text)
    await symlink(name, join(folder, '..next'))
    await rename(join(folder, '..next'), join(folder, '..data'))
  }
  await using it = await start(config(), async (file) => {
    await write(join(file, '..'), '..1', config())
    await symlink(join('..data', 'sidecar.yaml'), file)
  })
  for (const round of [2, 3]) {
    await write(it.folder, `..${round}`, config(`fsmMetrics: ${round === 2}`))
    await eventually(() => it.count(/^generation \d+ serves$/) === round, 'the swapped config serves')
    t.equal(await it.generation(), round)
  }
})

test('a reload of an unchanged config does nothing, and comments change nothing', async (t) => {
  await using it = await start()
  await it.sidecar.reload('SIGHUP')
  await replace(it.file, `${config()}# only a comment\n`)
  await it.sidecar.reload('SIGHUP')
  t.equal(await it.generation(), 1)
  t.equal(it.count(/^generation \d+ serves$/), 1)
})

test('many reloads at once are done one after the other, the last file wins', async (t) => {
  await using it = await start()
  const reloads: Promise<void>[] = []
  for (let round = 0; round < 20; round += 1) {
    await replace(it.file, config(`fsmMetrics: ${round % 2 === 0}\nlimits: { headers: ${round + 10} }`))
    reloads.push(it.sidecar.reload('SIGHUP'))
  }
  await Promise.all(reloads)
  const { body } = await it.get('/config_dump')
  t.match(body, { model: { limits: { maxHeaders: 29 } } })
})

test('settings of the process that cannot change are warned of; the log level changes', async (t) => {
  await using it = await start()
  await replace(it.file, config('logLevel: debug').replace('workers: 2', 'workers: 3'))
  await eventually(() => it.count(/^workers cannot change while the sidecar runs/) >= 1, 'it is warned of')
  t.match((await it.get('/logging')).body, { level: 'debug' })
  const listed = (await it.get('/generations')).body as { workers: unknown[] }
  t.equal(listed.workers.length, 2)
})

test('numbers are summed over workers and never fall when one is replaced', async (t) => {
  await using it = await start()
  const total = async (): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${it.sidecar.metrics?.port}/metrics`, {
      headers: { connection: 'close' },
    })
    const text = await response.text()
    t.match(text, /^pillion_config_generation 1$/m)
    return Number(/^pillion_connections_total\{direction="inbound"\} (\d+)$/m.exec(text)?.[1])
  }
  for (let round = 0; round < 10; round += 1) await say(it.sidecar, 'who')
  t.equal(await total(), 10)
  await say(it.sidecar, 'throw')
  await eventually(() => it.count(/^worker replaced$/) === 1, 'the worker is replaced')
  const after = await total()
  t.ok(after >= 10, `${after} is not less than before`)
  t.match((await it.get('/clusters')).body, [{ cluster: 'c', connectionsOpen: 2, requestsPending: 4 }])
})

test('draining by the admin port makes it unready but keeps it up; quitting ends it', async (t) => {
  await using _left = assertNothingLeft(t)
  await using it = await start()
  const post = (path: string) =>
    fetch(`http://127.0.0.1:${it.sidecar.admin?.port}${path}`, {
      method: 'POST',
      headers: { connection: 'close' },
    }).then((response) => response.text())
  await post('/drain')
  t.equal((await it.get('/ready')).status, 503)
  t.equal((await it.get('/live')).status, 200)
  await eventually(() => it.count(/^draining$/) === 1, 'it drains')
  await post('/quitquitquit')
  await it.sidecar.ended
  t.equal(it.count(/^ended$/), 1)
})

test('secrets are not shown', async (t) => {
  await using it = await start()
  const { body } = await it.get('/config_dump')
  t.match(body, { version: '1.2.3', generation: 1, source: it.file, process: { workers: 2 } })
  t.notMatch(JSON.stringify(body), /adminToken"/)
})

test('a sidecar that cannot start says why in lines, and leaves nothing behind', async (t) => {
  await using _left = assertNothingLeft(t)
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const broken = [
    config().replace("listen: '127.0.0.1:0'", `listen: '127.0.0.1:${port}'`),
    config().replace('admin: 127.0.0.1:0', `admin: 127.0.0.1:${port}`),
    config().replace('name: pod', "name: 'refuse:all'"),
    config('inbuond: []'),
  ]
  for (const text of broken) {
    const thrown = await start(text).then(
      () => null,
      (error: unknown) => error,
    )
    if (!(thrown instanceof Refusal)) throw thrown
    t.equal(thrown.reasons.length, 1)
    t.notMatch(thrown.reasons[0], /\n/)
    t.match(thrown.reasons[0], /in use|worker 1 does not like it|inbuond/)
  }
  other.close()
})

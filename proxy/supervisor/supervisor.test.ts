import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { Log } from '../../chains/context.ts'
import type { Listener, Model } from '../../chains/model.ts'
import { modelOf } from '../../test/support/model.ts'
import { assertNothingLeft, eventually } from '../../test/support/nothing-left.ts'
import { Supervisor, type SupervisorOptions } from './supervisor.ts'

const workerUrl = new URL('../../test/fixtures/scripted-worker.ts', import.meta.url)

interface Running extends AsyncDisposable {
  readonly supervisor: Supervisor
  readonly lines: string[]
  readonly gone: string[]
}

async function start(options: Partial<SupervisorOptions> = {}): Promise<Running> {
  const lines: string[] = []
  const gone: string[] = []
  const take = (message: string): void => void lines.push(message)
  const log: Log = { debug: () => {}, info: take, warn: take, error: take }
  const supervisor = new Supervisor({
    workers: 2,
    logLevel: 'info',
    log,
    workerUrl,
    // Long, because the machines that test are busy.
    silenceLimitMs: 4_000,
    respawn: { firstMs: 10, maxMs: 50, calmMs: 60_000 },
    onWorkerGone: (id, kind) => gone.push(`${id} ${kind}`),
    ...options,
  })
  await supervisor.start()
  return { supervisor, lines, gone, [Symbol.asyncDispose]: () => supervisor.close() }
}

const plain = modelOf({ upstreams: [1] })
const named = (podName: string, listeners: readonly Listener[] = plain.listeners): Model => ({
  ...plain,
  listeners,
  identity: { ...plain.identity, podName },
})

/** Sends one word and resolves with what comes back, without its line end; empty when the connection was cut. */
async function say(port: number, word: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(word)
  try {
    return await new Promise<string>((resolve) => {
      socket.once('data', (bytes) => resolve(bytes.toString().trim()))
      socket.once('close', () => resolve(''))
    })
  } finally {
    socket.destroy()
  }
}

const portOf = (supervisor: Supervisor): number => supervisor.serving?.listeners[0]?.port ?? 0

/** Asks until each of `workers` has answered; the kernel chooses who gets a connection. */
async function answersOf(port: number, workers: number): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (let asked = 0; asked < 500 && found.size < workers; asked += 1) {
    const [worker, generation] = (await say(port, 'who')).split(' ')
    if (worker && generation) found.set(worker, generation)
  }
  return found
}

async function rejection(t: Test, promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (thrown) {
    const { message } = thrown as Error
    t.notMatch(message, /\n/, 'one line')
    return message
  }
  t.fail('it should have been refused')
  return ''
}

test('all workers serve a generation on one port that the kernel chose once', async (t) => {
  await using _left = assertNothingLeft(t)
  await using running = await start()
  const report = await running.supervisor.apply(1, plain)
  t.equal(report.listeners.length, 1)
  t.equal(running.supervisor.servingWorkers, 2)
  const answers = await answersOf(portOf(running.supervisor), 2)
  t.strictSame([...answers.keys()].sort(), ['1', '2'])
  t.strictSame([...new Set(answers.values())], ['1'])
})

test('a new generation keeps the port that the kernel chose before', async (t) => {
  await using running = await start()
  await running.supervisor.apply(1, plain)
  const port = portOf(running.supervisor)
  await running.supervisor.apply(2, named('other'))
  t.equal(portOf(running.supervisor), port)
  const answers = await answersOf(port, 2)
  t.strictSame([...new Set(answers.values())], ['2'])
})

test('a generation that one worker refuses is on none, and the old one still serves', async (t) => {
  await using running = await start()
  await running.supervisor.apply(1, plain)
  const port = portOf(running.supervisor)
  for (const [generation, who] of [1, 2].entries()) {
    const reason = await rejection(t, running.supervisor.apply(generation + 2, named(`refuse:${who}`)))
    t.equal(reason, `worker ${who} does not like it`)
  }
  t.strictSame([...(await answersOf(port, 2)).values()], ['1', '1'])
  await running.supervisor.apply(4, named('fine'))
  t.strictSame([...(await answersOf(port, 2)).values()], ['4', '4'])
  t.strictSame(running.gone, [], 'no worker had to be replaced')
})

test('a worker that dies while a generation is built does not make it refused', async (t) => {
  for (const [workers, victim] of Object.entries({ 1: 1, 2: 2 })) {
    await using running = await start({ workers: Number(workers) })
    const { supervisor, lines } = running
    await supervisor.apply(1, plain)
    await supervisor.apply(2, named(`die:${victim}`))
    t.ok(lines.includes(`generation 2 is tried once more, because worker ${victim}: ended by itself`))
    await eventually(() => supervisor.servingWorkers === Number(workers), 'the dead worker is replaced')
    t.strictSame([...new Set((await answersOf(portOf(supervisor), Number(workers))).values())], ['2'])
  }
})

test('a generation that kills its workers is refused at the second time', async (t) => {
  await using running = await start()
  const { supervisor, gone } = running
  await supervisor.apply(1, plain)
  t.match(await rejection(t, supervisor.apply(2, named('die:all'))), /worker [0-9]: ended by itself/)
  await eventually(() => supervisor.servingWorkers === 2, 'the dead workers are replaced')
  t.equal(gone.length, 2, 'it was tried twice, and no more')
})

test('a worker that hangs while it builds a generation refuses it, and is replaced', async (t) => {
  await using running = await start({ prepareLimitMs: 500 })
  const { supervisor } = running
  await supervisor.apply(1, plain)
  const port = portOf(supervisor)
  await eventually(() => supervisor.servingWorkers === 2, 'the dead worker is replaced')
  t.match(await rejection(t, supervisor.apply(3, named('hang:1'))), /worker 1 did not answer within 500 ms/)
  await eventually(() => supervisor.servingWorkers === 2, 'the hanging worker is replaced', 15_000)
  t.strictSame([...new Set((await answersOf(port, 2)).values())], ['1'])
})

test('a worker that throws is replaced by one that serves the same generation on the same port', async (t) => {
  await using running = await start()
  const { supervisor, lines, gone } = running
  await supervisor.apply(1, plain)
  await supervisor.apply(2, named('second'))
  const port = portOf(supervisor)
  t.equal(await say(port, 'throw'), '')
  await eventually(() => gone.length === 1, 'the worker is gone')
  await eventually(() => supervisor.servingWorkers === 2, 'there are two again')
  t.match(gone[0], /^[12] crashed$/)
  t.ok(
    lines.some((line) => /^worker [12]: thrown on purpose$/.test(line)),
    'one line says why',
  )
  const answers = await answersOf(port, 2)
  t.ok(answers.has('3'), 'the new one answers')
  t.strictSame([...answers.values()], ['2', '2'])
})

test('the only worker gets its port back after it died', async (t) => {
  await using running = await start({ workers: 1 })
  const { supervisor, gone } = running
  await supervisor.apply(1, plain)
  const port = portOf(supervisor)
  await say(port, 'throw')
  await eventually(() => gone.length === 1, 'the worker is gone')
  await eventually(() => supervisor.servingWorkers === 1, 'there is one again')
  t.equal(await say(port, 'who'), '2 1')
})

test('a worker that is stuck is ended and replaced, while the other one goes on answering', async (t) => {
  await using _left = assertNothingLeft(t)
  await using running = await start({ silenceLimitMs: 1_000 })
  const { supervisor, lines, gone } = running
  await supervisor.apply(1, plain)
  const port = portOf(supervisor)
  const stuck = say(port, 'stuck')
  await eventually(() => gone.length === 1, 'the worker is ended', 20_000)
  t.match(gone[0], /^[12] silent$/)
  t.equal(await stuck, '', 'its connections are cut')
  await eventually(() => supervisor.servingWorkers === 2, 'it is replaced', 10_000)
  t.ok(lines.some((line) => /^worker [12]: stuck: no sign of life for 1000 ms$/.test(line)))
  t.equal((await answersOf(port, 2)).size, 2)
})

test('a generation can be brought into service while all workers are dead', async (t) => {
  await using running = await start({
    workers: 1,
    respawn: { firstMs: 30_000, maxMs: 30_000, calmMs: 60_000 },
  })
  const { supervisor, gone } = running
  await supervisor.apply(1, plain)
  await say(portOf(supervisor), 'throw')
  await eventually(() => gone.length === 1, 'the worker is gone')
  t.equal(supervisor.servingWorkers, 0)
  await supervisor.apply(2, named('cured'))
  t.equal(await say(portOf(supervisor), 'who'), '2 2')
})

test('workers that keep dying are replaced more and more slowly', async (t) => {
  await using running = await start({ workers: 1, respawn: { firstMs: 40, maxMs: 160, calmMs: 60_000 } })
  const { supervisor, gone } = running
  await supervisor.apply(1, plain)
  const waits: number[] = []
  for (let round = 1; round <= 3; round += 1) {
    const before = performance.now()
    await say(portOf(supervisor), 'throw')
    await eventually(() => gone.length === round, 'the worker is gone')
    await eventually(() => supervisor.servingWorkers === 1, 'there is one again')
    waits.push(performance.now() - before)
  }
  t.ok((waits[2] ?? 0) >= 160, 'the third wait is at least four times the first')
})

test('a port that somebody else has is told in one line with the listener, for any number of workers', async (t) => {
  await using _left = assertNothingLeft(t)
  const other = createServer().listen({ port: 0, host: '127.0.0.1', reusePort: true })
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const taken = plain.listeners.map((listener) => ({ ...listener, port }))
  for (const workers of [1, 2]) {
    await using running = await start({ workers })
    const reason = await rejection(t, running.supervisor.apply(1, named('x', taken)))
    t.equal(reason, `inbound listener 127.0.0.1:${port}: the address is already in use`)
    t.equal(running.supervisor.serving, null)
  }
  other.close()
})

test('two listeners on one address are refused, and so is one that overlaps what is served', async (t) => {
  await using running = await start()
  const { supervisor } = running
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as { port: number }
  await new Promise((resolve) => free.close(resolve))
  const [listener] = plain.listeners as [Listener]
  const fixed = { ...listener, port }
  const twice = await rejection(
    t,
    supervisor.apply(1, named('x', [fixed, { ...fixed, direction: 'outbound' }])),
  )
  t.equal(twice, `outbound listener 127.0.0.1:${port}: the address is already in use`)
  await supervisor.apply(2, named('x', [fixed]))
  const overlap = await rejection(t, supervisor.apply(3, named('x', [{ ...fixed, host: '0.0.0.0' }])))
  t.match(overlap, `in use by this sidecar's own listener 127.0.0.1:${port}`)
  t.equal(await say(port, 'who').then((answer) => answer.split(' ')[1]), '2')
})

test('draining answers what is in flight, accepts nothing new, and refuses new generations', async (t) => {
  await using _left = assertNothingLeft(t)
  await using running = await start()
  const { supervisor } = running
  await supervisor.apply(1, plain)
  const port = portOf(supervisor)
  const socket: Socket = connect(port, '127.0.0.1')
  socket.write('who')
  await once(socket, 'data')
  const drained = supervisor.drain(30_000)
  t.equal(supervisor.isDraining, true)
  t.equal(await rejection(t, supervisor.apply(2, named('late'))), 'the sidecar is shutting down')
  socket.write('who')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.match(answer.toString(), / 1\n/, 'the old connection is still answered')
  for (let tries = 0; tries < 100 && (await say(port, 'who')) !== ''; tries += 1) await sleep(10)
  t.equal(await say(port, 'who'), '', 'nobody accepts')
  socket.destroy()
  await drained
  t.equal(supervisor.drain(30_000), supervisor.drain(1), 'a second call waits for the first')
})

test('what is in flight at the deadline of a drain is cut', async (t) => {
  await using running = await start()
  await running.supervisor.apply(1, plain)
  const socket = connect(portOf(running.supervisor), '127.0.0.1')
  socket.on('error', () => {})
  socket.write('who')
  await once(socket, 'data')
  const closed = once(socket, 'close')
  await running.supervisor.drain(50)
  await closed
  t.pass('the connection is closed')
})

test('a worker that does not start is told in one line, and none is left', async (t) => {
  await using _left = assertNothingLeft(t)
  const missing = new URL('./no-such-worker.ts', import.meta.url)
  t.match(await rejection(t, start({ workerUrl: missing })), /worker [12]: Cannot find module/)
})

import type { ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { Application } from '../support/application.ts'
import type { Exposition } from '../support/exposition.ts'
import { type Load, startLoad } from '../support/load.ts'
import { endOfAnswer, takeMessage } from '../support/messages.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { runSidecar, type SidecarProcess } from '../support/process.ts'
import { RawUpstream, rawClient } from '../support/raw.ts'

const reloads = 200
const get = 'GET /load HTTP/1.1\r\nHost: app.test\r\n\r\n'
const chunk = 'a chunk of a long download. '.repeat(40)

interface Parts {
  readonly endpoints: readonly string[]
  readonly download: string
  readonly socket: string
  /** Makes each config another one. */
  readonly mark: number
}

const configOf = ({ endpoints, download, socket, mark }: Parts): string => `
workers: 2
forwarding: { via: "generation-${mark}" }
inbound:
  - name: app
    listen: 127.0.0.1:0
    endpoints: [${endpoints.map((address) => `"${address}"`).join(', ')}]
    retry: { retries: ${1 + (mark % 3)} }
    rateLimit: { requests: ${1_000_000 + mark} }
  - { name: download, listen: '127.0.0.1:0', application: '${download}' }
  - { name: socket, listen: '127.0.0.1:0', application: '${socket}' }
`

/** A download that goes on for as long as it is told to. */
async function startDownload(): Promise<{ application: Application; send: () => void; end: () => void }> {
  let open: ServerResponse | null = null
  const application = await Application.start('download', (_request, response) => {
    response.write(chunk)
    open = response
  })
  return { application, send: () => void open?.write(chunk), end: () => void open?.end(chunk) }
}

const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n'

/** Speaks a protocol of its own after an upgrade: says everything back. */
const startSocket = () =>
  RawUpstream.listen(async (connection) => {
    await connection.nextHead()
    connection.send(upgraded)
    connection.socket.on('data', (bytes: Buffer) => connection.send(bytes))
    connection.socket.on('end', () => connection.end())
  })

/** Compares two scrapes: nothing that counts may fall, or be gone. */
function assertGrown(t: Test, before: Exposition, after: Exposition): void {
  const later = after.neverFalling
  const fallen = [...before.neverFalling].filter(([key, value]) => !((later.get(key) ?? -1) >= value))
  t.strictSame(fallen, [], 'nothing has fallen')
}

interface Generations {
  readonly current: number
  readonly history: readonly { readonly generation: number; readonly outcome: string }[]
  readonly workers: readonly { readonly generations: readonly { readonly id: number }[] }[]
}

const generationsOf = async (sidecar: SidecarProcess) => (await sidecar.show('/generations')) as Generations

interface Reloading {
  readonly sidecar: SidecarProcess
  readonly load: Load
  readonly parts: Omit<Parts, 'mark' | 'endpoints'>
  readonly applications: readonly Application[]
  readonly onReload: () => void
}

/** Brings one config after the other into service; the last one has the last application alone. */
async function reloadOften(t: Test, { sidecar, load, parts, applications, onReload }: Reloading) {
  let scraped = await sidecar.scrape()
  const memory: number[] = []
  for (let mark = 1; mark <= reloads; mark += 1) {
    const isLast = mark === reloads
    const used = applications.slice(isLast ? -1 : 0).filter((_one, index) => isLast || index !== mark % 3)
    const endpoints = used.map(({ address }) => address)
    const requestsBefore = load.requests
    await sidecar.rewrite(configOf({ ...parts, endpoints, mark }))
    if (mark % 5 === 0) sidecar.program.child.kill('SIGHUP')
    await sidecar.program.logged(new RegExp(`^generation ${mark + 1} serves$`))
    await eventually(() => load.requests > requestsBefore, 'the load goes on')
    onReload()
    if (mark % 20 !== 0) continue
    const next = await sidecar.scrape()
    assertGrown(t, scraped, next)
    scraped = next
    memory.push(next.sum('process_resident_memory_bytes'))
    const { history, workers } = await generationsOf(sidecar)
    t.ok(history.length <= 20, 'the listing is bounded')
    // the one that serves, that of the download or the socket, and those that a request is still in
    for (const { generations } of workers) t.ok(generations.length <= 5, 'generations do not pile up')
  }
  return memory
}

test('200 reloads under load fail no request, cut nothing that goes on, and forget no count', async (t) => {
  await using _left = assertNothingLeft(t)
  await using one = await Application.start('one')
  await using two = await Application.start('two')
  await using three = await Application.start('three')
  await using last = await Application.start('last')
  const { application, send, end } = await startDownload()
  await using download = application
  await using socket = await startSocket()
  const parts = { download: download.address, socket: `127.0.0.1:${socket.port}` }
  await using sidecar = await runSidecar(configOf({ ...parts, endpoints: [one.address], mark: 0 }))
  const [port = 0, downloadPort = 0, socketPort = 0] = sidecar.inbound

  await using downloading = await rawClient(downloadPort)
  downloading.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n')
  await downloading.untilText(chunk)
  await using talking = await rawClient(socketPort)
  talking.send('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n')
  await talking.untilText('\r\n\r\n')
  const saidBefore = talking.size
  await using load = startLoad(port, 16, get)

  let said = ''
  const onReload = () => {
    send()
    said += `${load.requests}.`
    talking.send(`${load.requests}.`)
  }
  const applications = [one, two, three, last]
  const memory = await reloadOften(t, { sidecar, load, parts, applications, onReload })
  const atEnd = load.requests + 200
  await eventually(() => load.requests > atEnd, 'the load has met the last config')
  const lastBefore = last.seen.length
  const othersBefore = one.seen.length + two.seen.length + three.seen.length
  await eventually(() => last.seen.length > lastBefore + 100, 'the last config is used')
  t.equal(one.seen.length + two.seen.length + three.seen.length, othersBefore, 'and no other one')
  t.match(last.seen.at(-1)?.headers, { via: `1.1 generation-${reloads}` })
  const { requests, failures, bodies } = await load.stop()
  t.strictSame(failures, [], `none of ${requests} requests failed`)
  t.strictSame([...bodies.keys()].toSorted(), ['last', 'one', 'three', 'two'])

  end()
  await downloading.until(() => downloading.endsWith('\r\n0\r\n\r\n'), 'the end of the download')
  const whole = takeMessage(downloading.received, 0, endOfAnswer)
  t.equal(whole?.body.toString('latin1'), chunk.repeat(reloads + 2), 'the download is whole')
  await talking.untilSize(saidBefore + said.length)
  t.equal(talking.text.slice(saidBefore), said, 'the upgraded connection has lost nothing')
  talking.end()
  t.equal(await talking.untilEnded(), 'end')

  const isDone = ({ workers }: Generations) => workers.every(({ generations }) => generations.length === 1)
  let listed = await generationsOf(sidecar)
  for (let tries = 0; tries < 100 && !isDone(listed); tries += 1) listed = await generationsOf(sidecar)
  t.ok(isDone(listed), 'old generations are gone when their last exchange is')
  t.match(listed, { current: reloads + 1 })
  t.ok(listed.history.every(({ outcome }) => outcome === 'ok'))
  const [early = 0] = memory
  const growth = ((memory.at(-1) ?? 0) - early) / 2 ** 20
  t.ok(growth < 150, `memory grew by ${growth.toFixed(0)} MiB from the 20th to the last reload`)
  t.equal(await sidecar.stop(), 0)
})

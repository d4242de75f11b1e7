import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Application } from '../support/application.ts'
import { ask, keptConnections } from '../support/ask.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { first, newFolder, runSidecar } from '../support/process.ts'
import { deadPort, RawUpstream, rawClient } from '../support/raw.ts'

type Line = Readonly<Record<string, unknown>>

async function linesOf(file: string): Promise<Line[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)
}

/** The lines of a log once there are so many. */
async function linesOnceThere(file: string, count: number): Promise<Line[]> {
  for (let tries = 0; tries < 500; tries += 1) {
    const lines = await linesOf(file)
    if (lines.length >= count) return lines
    await sleep(10)
  }
  throw new Error(`there were never ${count} lines in ${file}`)
}

test('the access log has a whole line of JSON for each exchange, by its templates', async (t) => {
  await using _left = assertNothingLeft(t)
  await using folder = await newFolder()
  await using application = await Application.start('app', ({ body }, response) => {
    response.setHeader('x-answer', 'quoted "text"')
    response.end(body.toUpperCase())
  })
  await using echo = await RawUpstream.listen((connection) => {
    connection.socket.on('data', (bytes: Buffer) => connection.send(bytes))
    connection.socket.on('end', () => connection.end())
  })
  const file = join(folder.path, 'access.log')
  await using sidecar = await runSidecar(`
sidecar: { name: shop-1, namespace: demo }
workers: 2
accessLog:
  path: ${file}
  fields:
    what: "%{method} %{path_without_query} %{protocol}"
    status: "%{status}"
    agent: "%{request_header:user-agent}"
    secret: "%{request_header:authorization}"
    answer: "%{response_header:x-answer}"
    bytes: "%{received_bytes}"
    sent: "%{sent_bytes}"
    took: "%{duration_ms}"
    error: "%{error}"
    whose: "%{blame}"
    where: "%{namespace}/%{pod} %{service}/%{route} %{cluster} %{target}"
    fixed: "100 %%"
inbound:
  - { name: app, listen: '127.0.0.1:0', application: '${application.address}', routes: [{ name: all, path: { prefix: /app } }] }
  - { name: gone, listen: '127.0.0.1:0', application: '127.0.0.1:${await deadPort()}' }
  - { name: raw, listen: '127.0.0.1:0', protocol: tcp, application: '127.0.0.1:${echo.port}' }
`)
  const [app = 0, gone = 0, raw = 0] = sidecar.inbound
  const headers = { 'user-agent': 'line\tbreak"', authorization: 'Bearer very-secret' }
  await ask(app, '/app/x?token=hidden', { method: 'POST', body: 'body', headers })
  await ask(app, '/elsewhere')
  await ask(gone)
  await using client = await rawClient(raw)
  client.send('12345')
  await client.untilText('12345')
  client.end()
  await client.untilEnded()
  const lines = await linesOnceThere(file, 4)
  t.equal(lines.length, 4)
  const line = (part: string) => lines.find((each) => JSON.stringify(each).includes(part)) ?? {}
  const { took, ...posted } = line('POST')
  t.strictSame(posted, {
    what: 'POST /app/x HTTP/1.1',
    status: 200,
    agent: 'line\tbreak"',
    secret: '[redacted]',
    answer: 'quoted "text"',
    bytes: 4,
    sent: 4,
    error: null,
    whose: null,
    where: `demo/shop-1 app/all app ${application.address}`,
    fixed: '100 %',
  })
  t.ok(typeof took === 'number' && took > 0)
  const text = await readFile(file, 'utf8')
  t.notMatch(text, /very-secret|hidden/, 'secrets of clients are not logged')
  t.match(line('/elsewhere'), { status: 404, error: 'NO_ROUTE', whose: 'client' })
  t.match(line('CONNECT_REFUSED'), { status: 502, whose: 'upstream' })
  t.match(line('TCP'), { status: null, bytes: 5, sent: 5, what: '- - TCP' })
})

test('a request that is refused before any chain has seen it is a line as well', async (t) => {
  await using _left = assertNothingLeft(t)
  await using folder = await newFolder()
  await using application = await Application.start('app')
  const file = join(folder.path, 'access.log')
  await using sidecar = await runSidecar(`
timeouts: { requestHead: 500ms }
limits: { head: 4KiB, target: 1KiB, body: 10 }
accessLog: { path: ${file} }
inbound: [{ name: app, listen: '127.0.0.1:0', application: '${application.address}' }]
`)
  const port = first(sidecar.inbound)
  const host = 'Host: app.test\r\n'
  const refused: readonly [bytes: string, line: Line][] = [
    [`GET /a?b HTTP/1.1\r\n${host}bad name: x\r\n\r\n`, { method: 'GET', path: '/a?b', status: 400 }],
    [`GET http://me:pass@app.test/ HTTP/1.1\r\n${host}\r\n`, { method: null, path: null, status: 400 }],
    ['GET / HTTP/1.1\r\nHost: app.test\n', { method: null, path: null, protocol: null, status: 400 }],
    [`GET /late HTTP/1.1\r\n`, { method: null, path: null, error: 'REQUEST_HEAD_TIMEOUT', status: 408 }],
    [`POST /up HTTP/1.1\r\n${host}Content-Length: 11\r\n\r\n`, { path: '/up', status: 413, cluster: null }],
    [`GET /${'x'.repeat(5_000)} HTTP/1.1\r\n`, { path: null, status: 414 }],
    [`GET /long HTTP/1.1\r\n${host}X: ${'x'.repeat(5_000)}\r\n\r\n`, { path: null, status: 431 }],
    [`BREW /tea HTTP/1.1\r\n${host}\r\n`, { method: 'BREW', path: '/tea', status: 501 }],
    [`GET /new HTTP/2.0\r\n${host}\r\n`, { method: 'GET', path: '/new', protocol: null, status: 505 }],
  ]
  for (const [bytes, line] of refused) {
    await using client = await rawClient(port)
    client.send(bytes)
    await client.untilText(`HTTP/1.1 ${line.status} `)
  }
  const lines = await linesOnceThere(file, refused.length)
  for (const [index, [, line]] of refused.entries()) {
    t.match(lines[index], { ...line, direction: 'inbound', remote_address: '127.0.0.1', target: null })
  }
  t.equal(lines.length, refused.length)
  const late = lines.find(({ status }) => status === 408)
  t.ok(Number(late?.duration_ms) > 400, 'the time that a head took to be given up')
  t.strictSame(lines[0], {
    ...lines[0],
    host: null,
    protocol: 'HTTP/1.1',
    error: 'BAD_REQUEST',
    service: null,
    received_bytes: 0,
  })
  t.equal(new Set(lines.map(({ id }) => id)).size, refused.length, 'each has an id of its own')
})

test('sampling thins the log out, to all and to nothing, and changes with the config', async (t) => {
  await using _left = assertNothingLeft(t)
  await using folder = await newFolder()
  await using application = await Application.start('app')
  const file = join(folder.path, 'access.log')
  const config = (sample: number) => `
accessLog: { path: ${file}, sample: ${sample} }
inbound: [{ name: app, listen: '127.0.0.1:0', application: '${application.address}' }]
`
  await using sidecar = await runSidecar(config(0))
  using agent = keptConnections(4)
  const flood = (path: string) =>
    Promise.all(Array.from({ length: 200 }, () => ask(first(sidecar.inbound), path, { agent })))
  await flood('/nothing')
  await sidecar.rewrite(config(1))
  await sidecar.program.logged(/^generation 2 serves$/)
  await flood('/all')
  await sidecar.rewrite(config(0.5))
  await sidecar.program.logged(/^generation 3 serves$/)
  await flood('/half')
  t.equal(await sidecar.stop(), 0)
  const lines = await linesOf(file)
  const count = (path: string) => lines.filter((line) => line.path === path).length
  t.equal(count('/nothing'), 0)
  t.equal(count('/all'), 200, 'none is lost, not even at the end')
  // 6 standard deviations
  t.ok(Math.abs(count('/half') - 100) < 45, `${count('/half')} of 200`)
})

test('after a rotation, SIGUSR2 opens the access log anew', async (t) => {
  await using _left = assertNothingLeft(t)
  await using folder = await newFolder()
  await using application = await Application.start('app')
  const file = join(folder.path, 'access.log')
  await using sidecar = await runSidecar(
    `workers: 2\ninbound: [{ name: app, listen: '127.0.0.1:0', application: '${application.address}' }]\n`,
    { args: ['--access-log', file] },
  )
  const port = first(sidecar.inbound)
  await ask(port, '/before')
  await linesOnceThere(file, 1)
  await rename(file, `${file}.1`)
  sidecar.program.child.kill('SIGUSR2')
  for (let tries = 0; (await linesOf(file)).length === 0 && tries < 100; tries += 1) await ask(port, '/after')
  t.match((await linesOf(file))[0], { path: '/after' })
  t.match((await linesOf(`${file}.1`))[0], { path: '/before' })
})

test('a reader of the log that goes away does not take the sidecar with it', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await Application.start('app')
  await using sidecar = await runSidecar(
    `inbound: [{ name: app, listen: '127.0.0.1:0', application: '${application.address}' }]\n`,
    { args: ['--access-log', '-'] },
  )
  const port = first(sidecar.inbound)
  await ask(port, '/')
  await eventually(() => sidecar.program.output.length === 1, 'the line is there')
  sidecar.program.child.stdout?.destroy()
  for (let index = 0; index < 20; index += 1) {
    t.equal((await ask(port, '/')).status, 200)
    await sleep(20)
  }
  t.equal(await sidecar.stop(), 0)
})

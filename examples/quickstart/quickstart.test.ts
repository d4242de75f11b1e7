import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { anyPorts, choosePorts, usualPorts } from './ports.ts'

const script = fileURLToPath(new URL('run.ts', import.meta.url))
const agent = new Agent({ keepAlive: false })

/** `npm start` as a person would run it, on free ports. */
class Run implements AsyncDisposable {
  readonly lines: string[] = []
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  #onLine = () => {}

  constructor() {
    const child = spawn(process.execPath, [script, '--any-port'], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child = child
    this.exited = new Promise((resolve) => child.once('close', resolve))
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line)
        this.#onLine()
      })
    }
  }

  /** Resolves with the first line that has `text` in it; rejects if the run ends before. */
  async line(text: string): Promise<string> {
    const ended = this.exited.then((code) => {
      throw new Error(`ended with ${code} before "${text}":\n${this.lines.join('\n')}`)
    })
    const found = new Promise<string>((resolve) => {
      const look = () => {
        const line = this.lines.find((each) => each.includes(text))
        if (line !== undefined) resolve(line)
      }
      this.#onLine = look
      look()
    })
    return await Promise.race([found, ended])
  }

  /** The curl lines that were printed, as method, address and Host header. */
  get curls(): { method: string; url: string; host: string | null }[] {
    const lines = this.lines.filter((line) => line.trim().startsWith('curl '))
    return lines.map((line) => ({
      method: / -X (\w+)/.exec(line)?.[1] ?? 'GET',
      url: /(http:[^\s']+)/.exec(line)?.[1] ?? '',
      host: /-H 'Host: ([^']+)'/.exec(line)?.[1] ?? null,
    }))
  }

  async [Symbol.asyncDispose]() {
    this.child.kill('SIGTERM')
    await this.exited
  }
}

function ask(url: string, method = 'GET', host: string | null = null) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const sent = request(url, { agent, method, headers: host ? { host } : {} }, async (response) => {
      const text = (await response.toArray()).join('')
      resolve({ status: response.statusCode ?? 0, text })
    })
    sent.once('error', reject).end()
  })
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.once('connect', () => socket.destroy())
    socket.once('error', () => resolve(false))
  })
}

test('the quickstart carries requests through two sidecars, and Ctrl-C leaves nothing running', async (t) => {
  await using run = new Run()
  await run.line('Ctrl-C stops all')
  const [list, order, direct] = run.curls
  if (!list || !order || !direct) throw new Error(`three curl lines, not ${run.lines.join('\n')}`)

  const products = await ask(list.url)
  t.equal(products.status, 200)
  t.strictSame(JSON.parse(products.text)[0], { name: 'tea', price: 4, left: 120 }, 'the shop asked the stock')
  const ordered = await ask(order.url, order.method)
  t.equal(ordered.status, 201)
  t.strictSame(JSON.parse(ordered.text), { item: 'tea', count: 2, total: 8 })
  t.equal(JSON.parse((await ask(list.url)).text)[0].left, 118, 'the stock took it out')
  const kettles = await ask(direct.url, direct.method, direct.host)
  t.strictSame(JSON.parse(kettles.text), { name: 'kettles', count: 3 }, 'through the outbound listener')
  t.equal((await ask(order.url.replace('tea', 'gold'), 'POST')).status, 404, 'answers of the stock come back')

  const chains = /(http:\S+\/chains)/.exec(await run.line('/chains'))?.[1] ?? ''
  const listing = JSON.parse((await ask(chains)).text)
  t.match(Object.keys(listing), ['inbound-tcp', 'inbound-http', 'outbound-tcp', 'outbound-http'])
  const metrics = /(http:\S+\/metrics)/.exec(await run.line('/metrics'))?.[1] ?? ''
  t.match((await ask(metrics)).text, /pillion_requests_total\{[^}]*direction="outbound"[^}]*\} [1-9]/)

  const ports = run.lines.join('\n').matchAll(/127\.0\.0\.1:(\d+)/g)
  run.child.kill('SIGINT')
  t.equal(await run.exited, 0, 'it exits well')
  for (const port of new Set([...ports].map((match) => Number(match[1])))) {
    t.equal(await isOpen(port), false, `port ${port} is closed`)
  }
})

test('Ctrl-C before all is up exits well too', async (t) => {
  await using run = new Run()
  await run.line('sidecar')
  run.child.kill('SIGINT')
  t.equal(await run.exited, 0)
})

test('a port that is taken is named, and another one used in its place', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const taken = (server.address() as AddressInfo).port
  const lines: string[] = []
  const ports = await choosePorts({ ...anyPorts, SHOP_PORT: taken }, (line) => lines.push(line))
  server.close()
  t.equal(lines.length, 1)
  t.equal(lines[0], `port ${taken} (SHOP_PORT) is taken: using ${ports.SHOP_PORT} in its place`)
  t.equal(new Set(Object.values(ports)).size, Object.keys(usualPorts).length, 'no port twice')
})

test('the configs name every port, with the usual one as the default', async (t) => {
  const text = ['sidecar.yaml', 'sidecar-stock.yaml']
    .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))
    .join('\n')
  for (const [name, port] of Object.entries(usualPorts)) t.ok(text.includes(`\${${name}:-${port}}`), name)
})

test('the example config fits on one screen', async (t) => {
  const lines = readFileSync(new URL('sidecar.yaml', import.meta.url), 'utf8').split('\n')
  t.ok(lines.length <= 40, `${lines.length} lines`)
})

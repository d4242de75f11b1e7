/**
 * `npm run soak`: a million exchanges through five plugins of a real sidecar.
 * Memory has to be flat, and nothing may be left behind in a sandbox.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Application } from '../support/application.ts'
import { first, newFolder, runSidecar, type SidecarProcess } from '../support/process.ts'
import { soakConfig } from './manifests.ts'

const connections = 32
/** Every so many exchanges a client leaves in the middle. */
const leaveEvery = 500
/** How much memory may grow from the figures after {@link settled} to the end. */
const mostGrowth = 0.05
/** The share of the exchanges after which V8 has filled its old space once, and collected it: below that it need not look. */
const settled = 0.4

interface Figures {
  readonly resident: number
  readonly threads: number
  readonly descriptors: number
  readonly heap: number
}

interface PluginRow {
  readonly name: string
  readonly exchanges: number
  readonly heapBytes: number
  readonly restarts: number
}

async function figuresOf(sidecar: SidecarProcess): Promise<Figures> {
  const folder = `/proc/${sidecar.program.child.pid}`
  const status = readFileSync(`${folder}/status`, 'utf8')
  const numberAt = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])
  const rows = await pluginsOf(sidecar)
  return {
    resident: numberAt('VmRSS') * 1_024,
    threads: numberAt('Threads'),
    descriptors: readdirSync(`${folder}/fd`).length,
    heap: rows.reduce((sum, { heapBytes }) => sum + heapBytes, 0),
  }
}

async function pluginsOf(sidecar: SidecarProcess): Promise<readonly PluginRow[]> {
  return (await sidecar.show('/plugins')) as readonly PluginRow[]
}

/** One exchange with a body both ways; throws when the answer is not what the plugins make of it. */
function exchange(port: number, agent: Agent, index: number): Promise<void> {
  const body = `order ${index}`
  return new Promise((resolve, reject) => {
    const headers = { 'x-key': `k${index % 7}`, 'content-length': body.length }
    const asked = request({ port, host: '127.0.0.1', agent, method: 'POST', headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      answer.on('end', () => {
        const isRight = answer.statusCode === 200 && text === `${body}!` && answer.headers['x-mark'] === '1'
        if (isRight) resolve()
        else reject(new Error(`exchange ${index}: ${answer.statusCode} ${JSON.stringify(text)}`))
      })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

/** A client that sends half of a request and is gone. */
function leave(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf')
      setTimeout(() => socket.destroy(), 2)
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
}

async function load(port: number, from: number, to: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  let next = from
  const work = async () => {
    while (next < to) {
      const index = next
      next += 1
      if (index % leaveEvery === 0) await leave(port)
      await exchange(port, agent, index)
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  agent.destroy()
}

const mebibytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { exchanges: { type: 'string', default: '1000000' } } })
  const total = Number(values.exchanges)
  if (!Number.isSafeInteger(total) || total < 100) {
    console.error('usage: npm run soak -- [--exchanges N]')
    return 2
  }
  await using app = await Application.start('echo', (seen, response) => {
    app.seen.length = 0
    response.end(seen.body)
  })
  await using folder = await newFolder()
  await using sidecar = await runSidecar(await soakConfig(folder, app.port))
  const port = first(sidecar.inbound)
  const step = Math.ceil(total / 10)
  let early: Figures | null = null
  let last: Figures | null = null
  for (let done = 0; done < total; done += step) {
    await load(port, done, Math.min(done + step, total))
    await sleep(500)
    last = await figuresOf(sidecar)
    if (done + step >= total * settled) early ??= last
    const { resident, heap, threads, descriptors } = last
    console.log(
      `${done + step} exchanges: resident ${mebibytes(resident)}, sandboxes ${mebibytes(heap)}, ${threads} threads, ${descriptors} descriptors`,
    )
  }
  return early && last ? verdict(early, last, await pluginsOf(sidecar)) : 1
}

function verdict(early: Figures, last: Figures, rows: readonly PluginRow[]): number {
  const faults: string[] = []
  const grown = (name: string, before: number, after: number) => {
    if (after > before * (1 + mostGrowth))
      faults.push(`${name} grew from ${mebibytes(before)} to ${mebibytes(after)}`)
  }
  grown('resident memory', early.resident, last.resident)
  grown('the memory of the sandboxes', early.heap, last.heap)
  if (last.threads > early.threads) faults.push(`${last.threads - early.threads} threads more than before`)
  // the admin connection that asks is one of them
  if (last.descriptors > early.descriptors + 2) faults.push(`${last.descriptors} descriptors are open`)
  if (rows.length < 5) faults.push(`there are ${rows.length} plugins, and should be 5`)
  for (const { name, exchanges, restarts } of rows) {
    if (exchanges > 0) faults.push(`${name} still holds ${exchanges} exchanges`)
    if (restarts > 0) faults.push(`${name} was restarted ${restarts} times`)
  }
  for (const fault of faults) console.error(fault)
  console.log(faults.length === 0 ? 'memory is flat and nothing is left' : `${faults.length} faults`)
  return faults.length === 0 ? 0 : 1
}

process.exitCode = await main()

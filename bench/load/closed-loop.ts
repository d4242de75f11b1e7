import { fileURLToPath } from 'node:url'
import { isInstalled, runOnLoadCore } from '../processes.ts'

/** What the clients saw. Latencies are in milliseconds. */
export interface Seen {
  readonly requests: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

const connections = 64
const meanPauseMs = 10
const hasWrk = isInstalled('wrk')

/** The load generator in use, for the report. */
export const generator = `${hasWrk ? 'wrk' : 'autocannon'}, ${connections} connections`

/** Asks as fast as the answers come, over 64 kept-alive connections. Throws if one answer was not well. */
export function saturate(port: number, seconds: number): Promise<Seen> {
  return hasWrk
    ? wrk(port, seconds, ['-c', String(connections)])
    : autocannon(port, seconds, ['-c', String(connections)])
}

/**
 * Asks about `rate` times a second. With wrk, as many connections as the rate
 * takes each pause 10 ms on average between requests, so that a slow answer
 * keeps back only one of hundreds.
 */
export function pace(port: number, rate: number, seconds: number): Promise<Seen> {
  const many = String(Math.max(1, Math.round((rate * meanPauseMs) / 1_000)))
  const script = fileURLToPath(new URL('paced.lua', import.meta.url))
  return hasWrk
    ? wrk(port, seconds, ['-c', many, '-s', script])
    : autocannon(port, seconds, ['-c', String(connections), '-R', String(rate)])
}

async function wrk(port: number, seconds: number, options: readonly string[]): Promise<Seen> {
  const command = ['wrk', '-t1', `-d${seconds}s`, '--latency', ...options, `http://127.0.0.1:${port}/`]
  const text = await runOnLoadCore(command, (seconds + 15) * 1_000)
  const figure = (pattern: RegExp) => pattern.exec(text)?.[1] ?? ''
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`the load saw errors:\n${text}`)
  return {
    requests: Number(figure(/(\d+) requests in/)),
    perSecond: Number(figure(/Requests\/sec:\s+([\d.]+)/)),
    p50: milliseconds(figure(/ 50%\s+(\S+)/)),
    p99: milliseconds(figure(/ 99%\s+(\S+)/)),
  }
}

function milliseconds(text: string): number {
  const value = Number.parseFloat(text)
  if (text.endsWith('us')) return value / 1_000
  return text.endsWith('ms') ? value : value * 1_000
}

interface AutocannonResult {
  readonly '2xx': number
  readonly non2xx: number
  readonly errors: number
  readonly requests: { readonly average: number }
  readonly latency: { readonly p50: number; readonly p99: number }
}

async function autocannon(port: number, seconds: number, options: readonly string[]): Promise<Seen> {
  const script = fileURLToPath(import.meta.resolve('autocannon'))
  const command = [process.execPath, script, '-j', '-n', '-d', String(seconds), ...options]
  const text = await runOnLoadCore([...command, `http://127.0.0.1:${port}/`], (seconds + 15) * 1_000)
  const result = JSON.parse(text) as AutocannonResult
  if (result.non2xx || result.errors) throw new Error(`the load saw errors:\n${text}`)
  const { p50, p99 } = result.latency
  return { requests: result['2xx'], perSecond: result.requests.average, p50, p99 }
}

import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import type { Test } from 'tap'
import { createLog } from '../telemetry/log.ts'
import type { Control } from './control.ts'
import { type Address, type AdminOptions, startAdmin } from './server.ts'

/** Reached from this machine only. */
export const loopback = { host: '127.0.0.1', port: 0 }
/** Reached from other machines too. */
export const everywhere = { host: '0.0.0.0', port: 0 }

/** A control that writes down what was done to it. */
export function recording(overrides: Partial<Control> = {}) {
  const calls: string[] = []
  let level = 'info'
  const control: Control = {
    ready: () => ({ isReady: true, reason: 'serving' }),
    configDump: () => ({ listeners: [{ port: 15001 }], tls: { privateKey: 'hidden', token: 'hidden' } }),
    chains: () => ({
      'inbound-http': [
        { name: 'modules/inbound-http-routing.js', priority: 170, mode: 'enforce' },
        { name: 'x', priority: 1, mode: 'off' },
      ],
      'inbound-tcp': [],
    }),
    plugins: async () => [{ name: 'cors', version: '1', state: 'running', calls: 3 }],
    clusters: async () => [
      { cluster: 'a', endpoint: '10.0.0.1:80', connectionsOpen: 12 },
      { cluster: 'longer\u001b[2J', endpoint: '[::1]:80', connectionsOpen: 0 },
    ],
    generations: async () => ({
      current: 3,
      history: [
        { generation: 3, time: '2026-01-02T03:04:05.678Z', source: 'a.yaml', outcome: 'ok', reasons: [] },
        {
          generation: 2,
          time: '2026-01-02T03:04:05.000Z',
          source: 'a.yaml',
          outcome: 'refused',
          reasons: ['a.yaml:1:1: foo: there is no such key', 'a.yaml:9:1: bar: is\u001b[2J wrong'],
        },
      ],
      workers: [
        {
          worker: 1,
          generations: [
            { id: 3, exchanges: 5 },
            { id: 1, exchanges: 1 },
          ],
        },
        { worker: 2, generations: [{ id: 3, exchanges: 0 }] },
        { worker: 3, generations: [] },
      ],
    }),
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
    logLevel: () => level,
    setLogLevel: (next) => {
      if (!['debug', 'info'].includes(next)) return false
      level = next
      return true
    },
    drain: () => calls.push('drain'),
    quit: () => calls.push('quit'),
    ...overrides,
  }
  return { control, calls }
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What {@link ask} sends beside the path. */
export interface AskOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** One request on a connection of its own. */
export async function ask(address: Address | null, path: string, options: AskOptions = {}): Promise<Answer> {
  const request = httpRequest({
    host: '127.0.0.1',
    port: address?.port,
    path,
    method: options.method ?? 'GET',
    headers: options.headers,
    agent: false,
  })
  request.end(options.body)
  const [response] = await once(request, 'response')
  return { status: response.statusCode, headers: response.headers, body: await textOf(response) }
}

/** Opens both ports with a recording control; the test closes them. */
export async function start(t: Test, options: Partial<AdminOptions> = {}, overrides: Partial<Control> = {}) {
  const { control, calls } = recording(overrides)
  const lines: string[] = []
  const log = createLog({ level: 'info', write: (line) => lines.push(line) })
  const servers = await startAdmin({
    admin: loopback,
    metrics: loopback,
    token: null,
    control,
    log,
    ...options,
  })
  t.teardown(() => servers.close())
  return { ...servers, calls, lines }
}

/** A POST with these headers. */
export const post = (headers: Record<string, string> = {}): AskOptions => ({ method: 'POST', headers })

import type { Control } from './control.ts'
import { redact } from './redact.ts'
import { dataReply, errorReply, type Reply, textReply } from './reply.ts'
import type { Scrape } from './shared-scrape.ts'

/** Which of the two ports. */
export type Port = 'admin' | 'metrics'

/** What a route is given to answer from. */
export interface RouteRequest {
  readonly control: Control
  readonly scrape: Scrape
  readonly query: URLSearchParams
  /** Whether the client asked for plain text in place of JSON. */
  readonly wantsText: boolean
  /** At most the route's {@link Route.maxBodyBytes}; empty for GET. */
  readonly body: Buffer
}

/** One thing that can be asked. HEAD is answered wherever GET is. GET must not change anything. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly ports: readonly Port[]
  readonly summary: string
  /** Longest body that is taken; absent is none to speak of. */
  readonly maxBodyBytes?: number
  readonly answer: (request: RouteRequest) => Reply | Promise<Reply>
}

const admin: readonly Port[] = ['admin']
const both: readonly Port[] = ['admin', 'metrics']

/** All routes of both ports. */
export const routes: readonly Route[] = [
  { method: 'GET', path: '/', ports: admin, summary: 'this list', answer: index },
  {
    method: 'GET',
    path: '/ready',
    ports: both,
    summary: '200 when traffic is served, else 503',
    answer: ready,
  },
  { method: 'GET', path: '/live', ports: both, summary: '200 while the process runs', answer: live },
  {
    method: 'GET',
    path: '/config_dump',
    ports: admin,
    summary: 'the config that runs, secrets redacted',
    answer: ({ control, wantsText }) => dataReply(200, redact(control.configDump()), wantsText),
  },
  {
    method: 'GET',
    path: '/chains',
    ports: admin,
    summary: 'the four chains as they run',
    answer: ({ control, wantsText }) => dataReply(200, control.chains(), wantsText),
  },
  {
    method: 'GET',
    path: '/plugins',
    ports: admin,
    summary: 'plugins, how they are run, and how they do',
    answer: async ({ control, wantsText }) => dataReply(200, await control.plugins(), wantsText),
  },
  {
    method: 'GET',
    path: '/clusters',
    ports: admin,
    summary: 'endpoints and their connections',
    answer: async ({ control, wantsText }) => dataReply(200, await control.clusters(), wantsText),
  },
  {
    method: 'GET',
    path: '/generations',
    ports: admin,
    summary: 'the config that runs, the last 20 and how they went, and which still have traffic',
    answer: async ({ control, wantsText }) => dataReply(200, await control.generations(), wantsText),
  },
  { method: 'GET', path: '/stats/prometheus', ports: both, summary: 'metrics', answer: metrics },
  { method: 'GET', path: '/metrics', ports: ['metrics'], summary: 'metrics', answer: metrics },
  {
    method: 'GET',
    path: '/logging',
    ports: admin,
    summary: 'the level of the log',
    answer: ({ control, wantsText }) => dataReply(200, { level: control.logLevel() }, wantsText),
  },
  { method: 'POST', path: '/logging', ports: admin, summary: 'sets it: ?level=debug', answer: setLogging },
  { method: 'POST', path: '/drain', ports: admin, summary: 'takes no more connections', answer: drain },
  { method: 'POST', path: '/quitquitquit', ports: admin, summary: 'drains, then exits', answer: quit },
]

/** The routes of one port, as lines for people. */
export function routeLines(port: Port): string[] {
  return routes
    .filter((route) => route.ports.includes(port))
    .map(({ method, path, summary }) => `${method.padEnd(6)} ${path.padEnd(18)} ${summary}`)
}

function index(): Reply {
  return textReply(200, `Pillion\n\n${routeLines('admin').join('\n')}\n`)
}

function ready({ control, wantsText }: RouteRequest): Reply {
  const { isReady, reason } = control.ready()
  const status = isReady ? 200 : 503
  return wantsText ? textReply(status, `${reason}\n`) : dataReply(status, { ready: isReady, reason }, false)
}

function live({ wantsText }: RouteRequest): Reply {
  return wantsText ? textReply(200, 'LIVE\n') : dataReply(200, { live: true }, false)
}

async function metrics({ scrape }: RouteRequest): Promise<Reply> {
  return { status: 200, ...(await scrape()) }
}

function setLogging({ control, query, wantsText }: RouteRequest): Reply {
  const level = query.get('level')
  if (level === null) return errorReply(400, 'say which level: /logging?level=debug', wantsText)
  if (!control.setLogLevel(level)) return errorReply(400, 'there is no such log level', wantsText)
  return dataReply(200, { level: control.logLevel() }, wantsText)
}

function drain({ control, wantsText }: RouteRequest): Reply {
  control.drain()
  return dataReply(200, { draining: true }, wantsText)
}

function quit({ control, wantsText }: RouteRequest): Reply {
  return { ...dataReply(200, { quitting: true }, wantsText), afterwards: () => control.quit() }
}

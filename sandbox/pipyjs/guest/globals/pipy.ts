import { configure } from '../configuration.ts'
import { Data } from '../data.ts'
import { host } from '../host.ts'
import { objectOf } from '../objects.ts'
import { defineGlobal } from '../scope.ts'
import { defineAbsent } from './absent.ts'

const noProcesses = 'a plugin cannot start or end processes'
const noCodebase = 'a plugin is one script; there is no codebase around it'
const noListeners = 'a plugin is mounted on a chain of the sidecar, whose listeners are in its config'
const notItsOwn = 'a plugin does not decide how the sidecar runs; push a changed plugin or config'

const absentOfPipy: Readonly<Record<string, string>> = {
  exec: noProcesses,
  exit: notItsOwn,
  restart: notItsOwn,
  fork: notItsOwn,
  mount: noCodebase,
  unmount: noCodebase,
  patch: noCodebase,
  import: noCodebase,
  watch: noCodebase,
  list: noCodebase,
  read: noListeners,
  listen: noListeners,
  tty: noProcesses,
  inbound: 'the connection of an exchange is __inbound',
  outbound: 'call a service with muxHTTP() and connect()',
}

/** `pipy`: begins a configuration, and knows the config. */
export function installPipy(): void {
  const { name, version } = JSON.parse(host.plugin()) as { name: string; version: string }
  const properties = {
    solve,
    load,
    name,
    version: '1.5.18',
    source: host.fileName(),
    uuid: host.uuid(),
    since: Date.now(),
    pid: 0,
    argv: [],
    thread: Object.freeze({ id: host.threadId(), concurrency: host.threadCount() }),
    pluginVersion: version,
    performance: Object.freeze({ now: () => Date.now() }),
    now: () => Date.now(),
  }
  const pipy = (variables?: unknown): object => configure(variables)
  for (const key of Object.keys(properties)) {
    const value = properties[key as keyof typeof properties]
    Object.defineProperty(pipy, key, { value, enumerable: true })
  }
  defineAbsent(pipy, 'pipy.', absentOfPipy)
  defineGlobal('pipy', { value: Object.freeze(pipy) })
}

/** The config, the same object each time. There is nothing else that could be evaluated. */
function solve(file: unknown): unknown {
  const path = String(file).replace(/^\/+/, '')
  if (path === 'config.js') return objectOf(host.configToken())
  throw new Error(`pipy.solve(${JSON.stringify(path)}): a plugin is one script; only config.js is beside it`)
}

/** The bytes of a file, or null; there is `config.json`. */
function load(file: unknown): Data | null {
  const bytes = host.loadFile(String(file).replace(/^\/+/, ''))
  return bytes === null ? null : new Data(bytes)
}

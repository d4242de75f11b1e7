/**
 * `npm run bench`: what a request costs, against the proxies installed here.
 * The method is in README.md beside this file.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  type Contestant,
  haproxy,
  haproxyTcp,
  nginx,
  nginxCommand,
  nginxMain,
  nginxStream,
  npmPeer,
  type Running,
  scriptedNginx,
} from './contestants.ts'
import { measureHttp } from './http.ts'
import { generator } from './load/closed-loop.ts'
import { buildPillion, pillionBare, pillionFull, pillionPlugins, pillionTcp, pillionWasm } from './pillion.ts'
import { measurePluginMemory, measurePlugins } from './plugins.ts'
import { canPin, freePort, isInstalled, loadCore, type Measured, startPinned } from './processes.ts'
import { machine, writeResults } from './results.ts'
import { mebibytes, table } from './statistics.ts'
import { measureBodies, measureTcp } from './streams.ts'

const parts = ['http', 'plugins', 'tcp', 'body', 'idle'] as const
type Part = (typeof parts)[number]

const usage = `usage: npm run bench -- [--rounds N] [--seconds N] [--only ${parts.join(',')}] [--peers-only] [--write]`
const idleMs = 3_000
const folder = mkdtempSync(join(tmpdir(), 'pillion-bench-'))
const started: Measured[] = []
const say = (line: string) => console.error(line)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stopAll().finally(() => process.exit(130)))
}
try {
  await main()
} finally {
  await stopAll()
  rmSync(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  const options = readOptions()
  if (!options) return
  const wanted = (part: Part) => options.only.includes(part)
  const sections: string[] = []
  const add = (title: string, text: string) => {
    sections.push(`### ${title}\n\n${text}`)
    console.log(`\n${title}\n\n${text}`)
  }
  if (!options.peersOnly) buildPillion()
  console.log(machine())
  if (wanted('idle') && !options.peersOnly) add('Idle', await idle())
  if (wanted('http'))
    add(`HTTP, ${options.rounds} rounds of ${options.seconds} s, ${generator}`, await http(options))
  if (wanted('plugins') && !options.peersOnly) {
    add('A plugin that reads one header and sets two', await plugins(options))
    add('Memory of plugins', await pluginMemory())
  }
  if (wanted('tcp')) add('TCP, 64 KiB writes, 4 connections', await tcp(options))
  if (wanted('body')) add('Large bodies', await bodies(options))
  if (options.write) writeResults(fileURLToPath(new URL('README.md', import.meta.url)), sections)
}

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly only: readonly Part[]
  readonly peersOnly: boolean
  readonly write: boolean
}

function readOptions(): Options | null {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '5' },
        only: { type: 'string', default: parts.join(',') },
        'peers-only': { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
      },
    })
    const only = values.only.split(',') as Part[]
    const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
    const isCount = (value: number) => Number.isInteger(value) && value >= 1 && value <= 100
    if (!isCount(rounds) || !isCount(seconds))
      throw new Error('rounds and seconds are whole numbers from 1 to 100')
    if (only.some((part) => !parts.includes(part))) throw new Error(`the parts are ${parts.join(', ')}`)
    return { rounds, seconds, only, peersOnly: values['peers-only'], write: values.write }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`)
    process.exitCode = 2
    return null
  }
}

async function http(options: Options): Promise<string> {
  const peers = [nginx('off'), nginx('on'), haproxy(), npmPeer('fast-proxy'), npmPeer('http-proxy')]
  const ours = options.peersOnly ? [] : [pillionBare(), pillionFull()]
  const originPort = await startOrigin('small')
  const contenders = await startAll([...peers.slice(0, 3), ...ours, ...peers.slice(3)], originPort)
  const result = await measureHttp(contenders, { ...options, originPort, say })
  await stopAll()
  return result
}

async function plugins(options: Options): Promise<string> {
  const [bare, scripted, njs, lua] = [
    pillionBare(),
    pillionPlugins(1),
    scriptedNginx('njs'),
    scriptedNginx('Lua'),
  ]
  const mark = nginx('off')
  const module = pillionWasm()
  const pairs = [
    { without: mark.name, with: njs.name },
    { without: mark.name, with: lua.name },
    { without: bare.name, with: scripted.name },
    { without: bare.name, with: module.name },
  ]
  const contenders = await startAll([mark, njs, lua, bare, scripted, module], await startOrigin('small'))
  const result = await measurePlugins(contenders, pairs, options)
  await stopAll()
  return result
}

async function pluginMemory(): Promise<string> {
  const counts = [0, 1, 5, 25]
  const contestants = counts.map((count) => pillionPlugins(count))
  const contenders = await startAll(contestants, await startOrigin('small'))
  const result = await measurePluginMemory(contenders, counts)
  await stopAll()
  return result
}

async function tcp(options: Options): Promise<string> {
  const sinkPort = await freePort()
  const contenders = await startAll(
    [haproxyTcp(), nginxStream(), ...(options.peersOnly ? [] : [pillionTcp()])],
    sinkPort,
  )
  const result = await measureTcp(contenders, { ...options, sinkPort })
  await stopAll()
  return result
}

async function bodies(options: Options): Promise<string> {
  const originPort = await startOrigin('large')
  const contenders = await startAll([nginx('off'), ...(options.peersOnly ? [] : [pillionFull()])], originPort)
  const result = await measureBodies(contenders)
  await stopAll()
  return result
}

async function idle(): Promise<string> {
  const contenders = await startAll(
    [nginx('off'), haproxy(), pillionFull(), pillionPlugins(5)],
    await freePort(),
  )
  await sleep(idleMs)
  const rows = contenders.map(([{ name }, running]) => [name, mebibytes(running.residentBytes())])
  await stopAll()
  return table(['proxy, 1 worker', 'memory MiB'], rows)
}

async function startAll(
  contestants: readonly Contestant[],
  originPort: number,
): Promise<[Contestant, Running][]> {
  const contenders: [Contestant, Running][] = []
  for (const contestant of contestants) {
    if (contestant.missing) {
      say(`left out: ${contestant.missing}`)
      continue
    }
    const running = await contestant.start({ folder, originPort })
    started.push(running)
    contenders.push([contestant, running])
  }
  return contenders
}

/** The application behind the proxies: nginx for small answers if it is there, Node otherwise. */
async function startOrigin(kind: 'small' | 'large'): Promise<number> {
  if (!canPin)
    say('no second core, or no taskset: proxies and load share the cores, so trust only the ratios')
  const port = await freePort()
  const file = join(folder, 'origin.conf')
  const answer = `server { listen 127.0.0.1:${port}; location / { return 200 "${'x'.repeat(100)}"; } }`
  writeFileSync(file, nginxMain(folder, 'origin', `access_log off;\n${answer}`))
  const script = fileURLToPath(new URL('load/origin.ts', import.meta.url))
  const isNginx = kind === 'small' && isInstalled('nginx')
  const command = isNginx ? nginxCommand(file) : [process.execPath, script, String(port)]
  started.push(await startPinned(loadCore, command, port))
  return port
}

async function stopAll(): Promise<void> {
  await Promise.all(started.splice(0).map((running) => running.stop()))
}

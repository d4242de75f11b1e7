import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import wabt from 'wabt'
import { stringify } from 'yaml'
import type { Contestant, Stage } from './contestants.ts'
import { freePort, proxyCore, startPinned } from './processes.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const program = join(root, 'dist/cli/main.js')
const plenty = { requests: 1_000_000_000, per: '1s', burst: 1_000_000_000 }

/** Compiles Pillion to `dist/`: what is measured is what is deployed. */
export function buildPillion(): void {
  const compiler = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url))
  execFileSync(compiler, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: ['ignore', 2, 'inherit'] })
}

/** Pillion with routing and load balancing alone. */
export function pillionBare(): Contestant {
  const chains = { 'inbound-http': ['http-routing', 'load-balancing'] }
  return pillion('Pillion, no filter', (stage, port) => ({ ...inbound(stage, port, 'http'), chains }))
}

/** Pillion with every built-in filter of `inbound-http` at work. */
export function pillionFull(): Contestant {
  return pillion('Pillion, all filters', (stage, port) => {
    const { inbound: rules } = inbound(stage, port, 'http')
    return {
      inbound: rules.map((rule) => ({
        ...rule,
        rateLimit: plenty,
        routes: [{ path: { prefix: '/' }, rateLimit: plenty }],
      })),
      accessLog: { path: '/dev/null' },
    }
  })
}

const headerPlugin = `pipy()
  .pipeline()
  .handleMessageStart(request => {
    request.head.headers['x-seen'] = request.head.headers['user-agent'] || 'none'
  })
  .chain()
  .handleMessageStart(response => { response.head.headers['x-mark'] = '1' })
`

/**
 * Pillion with routing, load balancing, and `count` PipyJS plugins, each of
 * which reads one request header, and sets one on the request and one on the response.
 */
export function pillionPlugins(count: number): Contestant {
  const name = count === 1 ? 'Pillion, PipyJS plugin' : `Pillion, ${count} PipyJS plugins`
  return pillion(name, (stage, port) => {
    const plugins = Array.from({ length: count }, (_, index) => {
      const file = join(stage.folder, `headers-${index}.js`)
      writeFileSync(file, headerPlugin)
      return { name: `headers-${index}`, file, chains: ['inbound-http'], priority: 115 }
    })
    const chains = { 'inbound-http': ['http-routing', 'load-balancing'] }
    return { ...inbound(stage, port, 'http'), chains, plugins }
  })
}

/** Like {@link pillionPlugins} with one plugin, which is a Proxy-Wasm module written by hand. */
export function pillionWasm(): Contestant {
  return pillion('Pillion, Proxy-Wasm plugin', async (stage, port) => {
    const file = join(stage.folder, 'headers.wasm')
    const text = new URL('peers/headers.wat', import.meta.url)
    const module = (await wabt()).parseWat('headers.wat', readFileSync(text, 'utf8'))
    writeFileSync(file, module.toBinary({}).buffer)
    module.destroy()
    const plugins = [{ name: 'headers', file, chains: ['inbound-http'], priority: 115 }]
    const chains = { 'inbound-http': ['http-routing', 'load-balancing'] }
    return { ...inbound(stage, port, 'http'), chains, plugins }
  })
}

/** Pillion as a relay of bytes. */
export function pillionTcp(): Contestant {
  return pillion('Pillion, tcp', (stage, port) => inbound(stage, port, 'tcp'))
}

function inbound({ originPort }: Stage, port: number, protocol: 'http' | 'tcp') {
  return {
    inbound: [{ listen: `127.0.0.1:${port}`, protocol, application: `127.0.0.1:${originPort}` }],
  }
}

function pillion(
  name: string,
  configFor: (stage: Stage, port: number) => object | Promise<object>,
): Contestant {
  return {
    name,
    missing: null,
    async start(stage) {
      const port = await freePort()
      const file = join(stage.folder, `${name.replaceAll(/\W+/g, '-')}.yaml`)
      const settings = { admin: '127.0.0.1:0', metrics: '127.0.0.1:0', workers: 1 }
      writeFileSync(file, stringify({ ...settings, ...(await configFor(stage, port)) }))
      const command = [process.execPath, program, 'run', '-c', file]
      return Object.assign(await startPinned(proxyCore, command, port), { port })
    },
  }
}

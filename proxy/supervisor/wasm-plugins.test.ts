import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { wat } from '../../sandbox/metering/testing/wat.ts'
import { Application } from '../../test/support/application.ts'
import { assertNothingLeft, eventually } from '../../test/support/nothing-left.ts'
import { digestOf, serve } from '../modules/testing/modules.ts'
import { type Sidecar, startSidecar } from './sidecar.ts'

/** Adds `x-mark: MARK` to responses, and refuses a configuration of three bytes. `mark` has one letter. */
const guest = (mark: string): Uint8Array =>
  wat(`(module
    (import "env" "proxy_add_header_map_value"
      (func $add (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "x-mark${mark}")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 4096))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.ne (local.get 1) (i32.const 3)))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
      (drop (call $add (i32.const 2) (i32.const 16) (i32.const 6) (i32.const 22) (i32.const 1)))
      (i32.const 0)))`)

interface Running extends AsyncDisposable {
  readonly lines: string[]
  readonly sidecar: Sidecar
  /** Writes the module and its WasmPlugin anew, and has them read. */
  push(mark: string, spec: string): Promise<void>
  /** The status of a request, and the mark on its answer. */
  get(): Promise<readonly [status: number, mark: string | null]>
}

async function run(folder: string, spec: string, url = 'file:guest.wasm'): Promise<Running> {
  const application = await Application.start('app', (_, response) => {
    response.end('well')
  })
  const manifest = join(folder, 'plugin.yaml')
  const write = async (mark: string, fields: string) => {
    await writeFile(join(folder, 'guest.wasm'), guest(mark))
    const head = 'apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: { name: mark }'
    await writeFile(manifest, `${head}\nspec: { url: "${url}", match: [{ mode: SERVER }], ${fields} }\n`)
  }
  const config = join(folder, 'sidecar.yaml')
  await writeFile(
    config,
    `admin: 127.0.0.1:0\nmetrics: off\nworkers: 2\ninbound: [{ name: app, listen: "127.0.0.1:0", application: "127.0.0.1:${application.port}" }]\n`,
  )
  await write('a', spec)
  const lines: string[] = []
  const sidecar = await startSidecar({
    source: {
      configFile: config,
      flags: { manifests: [manifest], moduleCache: join(folder, 'cache') },
      env: {},
    },
    version: '1',
    write: (line) => void lines.push(line),
    pollMs: 1_000_000,
    moduleRetry: { firstMs: 20, maxMs: 50 },
  })
  return {
    lines,
    sidecar,
    push: async (mark, fields) => {
      await write(mark, fields)
      await sidecar.reload('test')
    },
    get: async () => {
      const url = `http://127.0.0.1:${sidecar.listeners[0]?.port}/`
      const response = await fetch(url, { headers: { connection: 'close' } })
      await response.text()
      return [response.status, response.headers.get('x-mark')]
    },
    async [Symbol.asyncDispose]() {
      await sidecar.shutdown()
      await application[Symbol.asyncDispose]()
    },
  }
}

test('a module runs in every worker, and another one takes its place', async (t) => {
  await using _left = assertNothingLeft(t)
  await using running = await run(t.testdir({}), `sha256: ${digestOf(guest('a'))}`)
  t.strictSame(await running.get(), [200, 'a'])
  await running.push('b', `sha256: ${digestOf(guest('b'))}`)
  t.strictSame(await running.get(), [200, 'b'])
})

test('a module that cannot be had is stood in for at the start, and changes nothing in a push', async (t) => {
  await using _left = assertNothingLeft(t)
  const wrong = `sha256: ${'a'.repeat(64)}`
  await using closed = await run(t.testdir({}), wrong)
  t.strictSame(await closed.get(), [503, null])
  t.match(closed.lines.join(''), /has the SHA-256 .*: expected a{64}; its exchanges end by onError: close/)
  await closed.push('b', 'failStrategy: FAIL_OPEN')
  t.strictSame(await closed.get(), [200, 'b'])
  await closed.push('c', wrong)
  t.strictSame(await closed.get(), [200, 'b'], 'the old one still serves')
  t.match(closed.lines.at(-1), /config refused, the old one still serves/)
})

test('a plugin that fails open lets exchanges pass when its module cannot be had', async (t) => {
  await using _left = assertNothingLeft(t)
  await using open = await run(t.testdir({}), `sha256: ${'a'.repeat(64)}, failStrategy: FAIL_OPEN`)
  t.strictSame(await open.get(), [200, null])
})

test('a configuration that the module refuses is reported, and the old one keeps serving', async (t) => {
  await using _left = assertNothingLeft(t)
  await using running = await run(t.testdir({}), 'pluginConfig: well')
  await running.push('b', 'pluginConfig: bad')
  t.strictSame(await running.get(), [200, 'a'])
  t.match(running.lines.at(-1), /config refused, the old one still serves/)
})

test('the admin port shows which module serves, and neither its code nor what it is told', async (t) => {
  await using _left = assertNothingLeft(t)
  const env = 'vmConfig: { env: [{ name: KEY, value: hidden-word }] }'
  await using running = await run(t.testdir({}), `pluginConfig: { password: hidden-word }, ${env}`)
  const { host, port } = running.sidecar.admin ?? { host: '', port: 0 }
  const response = await fetch(`http://${host}:${port}/config_dump`, { headers: { connection: 'close' } })
  const text = await response.text()
  t.notMatch(text, /hidden-word/)
  t.notMatch(text, Buffer.from('hidden-word').toString('base64'))
  const { model } = JSON.parse(text)
  t.match(model.plugins[0].wasm, { digest: digestOf(guest('a')), environment: ['KEY'] })
  t.notOk(model.plugins[0].wasm.module)
})

test('a module that could not be had at the start serves as soon as it is there', async (t) => {
  await using _left = assertNothingLeft(t)
  let isThere = false
  await using server = await serve((_, response) => {
    response.writeHead(isThere ? 200 : 404).end(isThere ? guest('b') : '')
  })
  await using running = await run(t.testdir({}), '', `http://${server.host}/guest.wasm`)
  t.strictSame(await running.get(), [503, null])
  const asked = server.asked.length
  await eventually(() => server.asked.length > asked, 'it is asked for again')
  t.strictSame(await running.get(), [503, null])
  isThere = true
  await eventually(() => running.lines.some((line) => line.includes('generation 2 serves')), 'it serves')
  t.strictSame(await running.get(), [200, 'b'])
})

import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { ModuleStore } from './store.ts'
import { digestOf, module, serve, storeOptions, tarGz, wanted } from './testing/modules.ts'

const first = module('first')
const second = module('second')

test('a file is read relative to its manifest, and checked against its sha256', async (t) => {
  const folder = t.testdir({})
  await writeFile(join(folder, 'a b.wasm'), first)
  const store = new ModuleStore(storeOptions)
  for (const url of ['file:a%20b.wasm', 'file://a b.wasm', `file://${folder}/a%20b.wasm`]) {
    const file = await store.fetch(wanted(url, { folder, sha256: digestOf(first) }))
    t.equal(file.digest, digestOf(first), url)
  }
  await t.rejects(store.fetch(wanted('file:a b.wasm', { folder, sha256: '0'.repeat(64) })), {
    message: `has the SHA-256 ${digestOf(first)}: expected ${'0'.repeat(64)}`,
  })
  await t.rejects(store.fetch(wanted('file:x.wasm', { folder })), /cannot be read: there is no such file/)
  await mkdir(join(folder, 'd.wasm'))
  await t.rejects(store.fetch(wanted('file:d.wasm', { folder })), /not a regular file/)
})

test('a server that answers 503 twice is asked again, and one that answers 404 or 501 is not', async (t) => {
  let left = 2
  await using server = await serve((request, response) => {
    const status = request.url === '/x' ? 404 : request.url === '/y' ? 501 : left-- > 0 ? 503 : 200
    response.writeHead(status).end(status === 200 ? first : '')
  })
  const store = new ModuleStore(storeOptions)
  t.equal((await store.fetch(wanted(`http://${server.host}/a.wasm`))).digest, digestOf(first))
  t.equal(server.asked.length, 3)
  await t.rejects(store.fetch(wanted(`http://${server.host}/x`)), {
    message: `cannot be fetched: ${server.host} answers 404`,
  })
  await t.rejects(store.fetch(wanted(`http://${server.host}/y`)), /answers 501/)
  t.equal(server.asked.length, 5)
  left = 9
  await t.rejects(store.fetch(wanted(`http://${server.host}/b.wasm`)), /answers 503/)
  t.equal(server.asked.length, 10, 'five tries')
})

test('a server that is not there is told in one line, with how often it was tried', async (t) => {
  const { host } = await serve(() => {}).then(async (server) => {
    await server[Symbol.asyncDispose]()
    return server
  })
  const store = new ModuleStore(storeOptions)
  await t.rejects(store.fetch(wanted(`http://${host}/a.wasm`)), {
    message: `cannot be fetched from ${host}: connection refused (5 tries)`,
  })
})

test('a server that never ends its answer is given up on', async (t) => {
  await using server = await serve((_, response) => {
    response.writeHead(200).write(first.subarray(0, 8))
  })
  const limits = { ...storeOptions.limits, tries: 1, tryMs: 50 }
  const store = new ModuleStore({ ...storeOptions, limits })
  await t.rejects(store.fetch(wanted(`http://${server.host}/a.wasm`)), /no whole answer in 50 ms/)
})

test('what is no module, too large, or packed without one is refused', async (t) => {
  const bodies: Readonly<Record<string, Uint8Array>> = {
    '/text': Buffer.from('<html>'),
    '/large': new Uint8Array(5_000),
    '/bomb': tarGz({ 'plugin.wasm': new Uint8Array(100_000) }),
    '/other': tarGz({ 'readme.md': Buffer.from('x') }),
    '/packed': tarGz({ 'readme.md': Buffer.from('x'), './plugin.wasm': first }),
  }
  await using server = await serve((request, response) => response.end(bodies[request.url ?? '']))
  const limits = { ...storeOptions.limits, maxBytes: 4_000 }
  const store = new ModuleStore({ ...storeOptions, limits })
  const fetch = (path: string) => store.fetch(wanted(`http://${server.host}${path}`))
  await t.rejects(fetch('/text'), /is no WebAssembly/)
  await t.rejects(fetch('/large'), /is too large: at most 4000 bytes/)
  await t.rejects(fetch('/bomb'), /is too large: more than 4000 bytes when unpacked/)
  await t.rejects(fetch('/other'), /is a tar without plugin.wasm/)
  t.equal((await fetch('/packed')).digest, digestOf(first))
})

test('no module comes from a link-local or metadata address, also by a redirect', async (t) => {
  await using server = await serve((_, response) => {
    response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end()
  })
  const store = new ModuleStore(storeOptions)
  const hosts = ['169.254.169.254', '2852039166', '[fe80::1]', '[::ffff:169.254.0.1]', '[fd00:ec2::254]']
  for (const url of [...hosts.map((host) => `http://${host}/x`), `http://${server.host}/x`])
    await t.rejects(store.fetch(wanted(url)), /a link-local or metadata address/, url)
})

test('redirects are followed a few times, without credentials to another origin', async (t) => {
  const seen: (string | undefined)[] = []
  await using other = await serve((request, response) => {
    seen.push(request.headers.authorization)
    response.end(first)
  })
  await using server = await serve((request, response) => {
    seen.push(request.headers.authorization)
    const location = request.url === '/loop' ? '/loop' : `http://${other.host}/a.wasm`
    response.writeHead(302, { location }).end()
  })
  const store = new ModuleStore(storeOptions)
  await store.fetch(wanted(`http://me:secret@${server.host}/a`))
  t.strictSame(seen, [`Basic ${Buffer.from('me:secret').toString('base64')}`, undefined])
  await t.rejects(store.fetch(wanted(`http://${server.host}/loop`)), /is redirected more than 5 times/)
})

test('a module with a sha256 is fetched once for all processes, and another content is refused', async (t) => {
  const cacheFolder = join(t.testdir({}), 'deep', 'cache')
  let body = second
  await using server = await serve((_, response) => response.end(body))
  const request = wanted(`http://${server.host}/a.wasm`, { sha256: digestOf(first), pullPolicy: 'Always' })
  const options = { ...storeOptions, cacheFolder }
  await t.rejects(new ModuleStore(options).fetch(request), /has the SHA-256/)
  body = first
  await new ModuleStore(options).fetch(request)
  t.equal((await new ModuleStore(options).fetch({ ...request, resource: '2' })).digest, digestOf(first))
  t.equal(server.asked.length, 2)
})

test('what was changed or cut in the cache is fetched again', async (t) => {
  const cacheFolder = t.testdir({})
  await using server = await serve((_, response) => response.end(first))
  const request = wanted(`http://${server.host}/a.wasm`)
  await new ModuleStore({ ...storeOptions, cacheFolder }).fetch(request)
  const path = join(cacheFolder, `${digestOf(first)}.wasm`)
  await writeFile(path, second)
  const { digest } = await new ModuleStore({ ...storeOptions, cacheFolder }).fetch(request)
  t.equal(digest, digestOf(first))
  t.equal(server.asked.length, 2)
  t.equal(
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
    digestOf(first),
  )
})

test('the least recently used modules leave a cache that is full', async (t) => {
  const cacheFolder = t.testdir({})
  const bodies = [first, second, module('third')]
  await using server = await serve((request, response) => response.end(bodies[Number(request.url?.slice(1))]))
  const limits = { ...storeOptions.limits, maxCacheBytes: first.length + second.length + 10 }
  const store = new ModuleStore({ ...storeOptions, cacheFolder, limits })
  for (const index of [0, 1, 0, 2]) {
    await store.fetch(wanted(`http://${server.host}/${index}`))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const left = (await readdir(cacheFolder)).filter((name) => name.endsWith('.wasm'))
  t.strictSame(
    left.toSorted(),
    [digestOf(first), digestOf(bodies[2] as Uint8Array)].map((one) => `${one}.wasm`).toSorted(),
  )
})

test('a cache that cannot be written is no hindrance', async (t) => {
  const folder = t.testdir({ file: '' })
  await using server = await serve((_, response) => response.end(first))
  const store = new ModuleStore({ ...storeOptions, cacheFolder: join(folder, 'file', 'cache') })
  for (const _ of [1, 2]) await store.fetch(wanted(`http://${server.host}/a.wasm`))
  t.equal(server.asked.length, 1)
})

test('Always asks again when the resource has changed, and IfNotPresent does not', async (t) => {
  let body = first
  await using server = await serve((_, response) => response.end(body))
  const store = new ModuleStore({ ...storeOptions, cacheFolder: t.testdir({}) })
  const digest = async (resource: string, pullPolicy: 'Always' | 'IfNotPresent') =>
    (await store.fetch(wanted(`http://${server.host}/a.wasm`, { resource, pullPolicy }))).digest
  t.equal(await digest('1', 'Always'), digestOf(first))
  body = second
  t.equal(await digest('1', 'Always'), digestOf(first))
  t.equal(await digest('2', 'IfNotPresent'), digestOf(first))
  t.equal(server.asked.length, 1)
  t.equal(await digest('2', 'Always'), digestOf(second))
})

import { spawn, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { ModuleStore } from './store.ts'
import { digestOf, module, storeOptions, tarGz, wanted } from './testing/modules.ts'
import { artifactLayer, dockerLayer, startRegistry } from './testing/registry.ts'

const first = module('first')
const second = module('second')

test('a module is pulled from an artifact, from a layer of docker, and through an index', async (t) => {
  await using registry = await startRegistry()
  const artifact = registry.push('artifact', first, artifactLayer)
  registry.push('docker', tarGz({ 'plugin.wasm': second }), dockerLayer)
  const index = registry.pushIndex('index', artifact)
  const store = new ModuleStore(storeOptions)
  const digest = async (name: string, sha256: string | null = null) =>
    (await store.fetch(wanted(`${registry.host}/team/filter${name}`, { sha256 }))).digest
  t.equal(await digest(':artifact'), digestOf(first))
  t.equal(await digest(':docker'), digestOf(second))
  t.equal(await digest(`@sha256:${artifact}`), digestOf(first))
  for (const sha256 of [index, artifact]) t.equal(await digest(':index', sha256), digestOf(first))
  await t.rejects(digest(':docker', artifact), /has a manifest of SHA-256 .*: expected /)
  await t.rejects(digest(':none'), {
    message: `cannot be fetched: ${registry.host} answers 404 for its manifest`,
  })
})

test('what an image is called decides whether it is asked for again', async (t) => {
  await using registry = await startRegistry()
  const store = new ModuleStore(storeOptions)
  const digest = async (name: string, resource: string, pullPolicy: 'IfNotPresent' | 'Always' | null) => {
    const url = `oci://${registry.host}/team/filter${name}`
    return (await store.fetch(wanted(url, { owner: `${name} ${pullPolicy}`, resource, pullPolicy }))).digest
  }
  const cases = [
    [':v1', 'IfNotPresent', false],
    [':v2', null, false],
    [':v3', 'Always', true],
    [':latest', null, true],
    [':latest', 'IfNotPresent', false],
    ['', null, true],
  ] as const
  for (const [name, policy, asksAgain] of cases) {
    registry.push(name.slice(1) || 'latest', first, artifactLayer)
    await digest(name, `before ${policy}`, 'Always')
    t.equal(await digest(name, '1', policy), digestOf(first))
    registry.push(name.slice(1) || 'latest', second, artifactLayer)
    const before = registry.asked.length
    t.equal(await digest(name, '1', policy), digestOf(first), `${name} ${policy}, the same resource`)
    t.equal(registry.asked.length, before, 'nothing is asked')
    t.equal(
      await digest(name, '2', policy),
      digestOf(asksAgain ? second : first),
      `${name} ${policy}, changed`,
    )
  }
})

test('an image that is the same behind another name is not fetched twice', async (t) => {
  await using registry = await startRegistry()
  for (const tag of ['a', 'b']) registry.push(tag, first, artifactLayer)
  const store = new ModuleStore(storeOptions)
  for (const tag of ['a', 'b']) await store.fetch(wanted(`oci://${registry.host}/team/filter:${tag}`))
  t.equal(registry.asked.filter((line) => line.includes('/blobs/')).length, 1)
})

for (const by of ['basic', 'bearer'] as const) {
  test(`a registry that asks for ${by} is told what the credentials file says, and nobody else is`, async (t) => {
    await using registry = await startRegistry({ by, user: 'me', password: 'hidden-word' })
    registry.push('v1', first, artifactLayer)
    const credentialsFile = join(t.testdir({}), 'config.json')
    const url = `oci://${registry.host}/team/filter:v1`
    const write = (entry: unknown) =>
      writeFile(credentialsFile, JSON.stringify({ auths: { [registry.host]: entry } }))
    const fetch = () => new ModuleStore({ ...storeOptions, credentialsFile }).fetch(wanted(url))
    await write({ auth: Buffer.from('me:hidden-word').toString('base64') })
    t.equal((await fetch()).digest, digestOf(first))
    await write({ username: 'me', password: 'hidden-word' })
    t.equal((await fetch()).digest, digestOf(first))
    await write({ username: 'me', password: 'wrong-word' })
    const failure = await fetch().then(null, (thrown: Error) => thrown.message)
    t.match(failure, /^cannot be fetched: /)
    t.notMatch(failure, /word/)
    await writeFile(credentialsFile, '{ "auths": hidden-word')
    t.equal(
      await fetch().then(null, (thrown: Error) => thrown.message),
      `needs the credentials file ${credentialsFile}, which is no JSON`,
    )
    await t.rejects(new ModuleStore(storeOptions).fetch(wanted(url)), /cannot be fetched: .* (401|no token)/)
  })
}

test('names that are no images, and other schemes, are refused', async (t) => {
  const store = new ModuleStore(storeOptions)
  await t.rejects(store.fetch(wanted('oci://host.example/UPPER')), /is no image/)
  await t.rejects(store.fetch(wanted('ftp://host.example/x')), /is of an unknown kind/)
  await t.rejects(store.fetch(wanted('oci://169.254.169.254/x:v1')), /a link-local or metadata address/)
})

const hasRegistry = spawnSync('docker-registry', ['--version']).status === 0

test('Debian’s docker-registry is understood', {
  skip: hasRegistry ? false : 'docker-registry is not installed',
}, async (t) => {
  const port = await freePort()
  const folder = t.testdir({})
  const file = join(folder, 'config.yml')
  await writeFile(
    file,
    `version: 0.1\nstorage: { filesystem: { rootdirectory: ${folder}/data } }\nhttp: { addr: 127.0.0.1:${port} }\n`,
  )
  const server = spawn('docker-registry', ['serve', file], { stdio: 'ignore' })
  t.teardown(() => server.kill())
  const base = `http://127.0.0.1:${port}/v2/team/filter`
  for (let tried = 0; tried < 100; tried += 1) {
    if (
      await fetch(`http://127.0.0.1:${port}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const upload = async (bytes: Uint8Array) => {
    const started = await fetch(`${base}/blobs/uploads/`, { method: 'POST' })
    const to = new URL(started.headers.get('location') ?? '', base)
    to.searchParams.set('digest', `sha256:${digestOf(bytes)}`)
    await fetch(to, {
      method: 'PUT',
      body: Buffer.from(bytes),
      headers: { 'content-type': 'application/octet-stream' },
    })
    return { digest: `sha256:${digestOf(bytes)}`, size: bytes.length }
  }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    ...(await upload(Buffer.from('{}'))),
  }
  const layers = [{ mediaType: artifactLayer, ...(await upload(first)) }]
  const body = JSON.stringify({ schemaVersion: 2, mediaType, config, layers })
  t.equal(
    (await fetch(`${base}/manifests/v1`, { method: 'PUT', body, headers: { 'content-type': mediaType } }))
      .status,
    201,
  )
  const store = new ModuleStore(storeOptions)
  const request = wanted(`oci://127.0.0.1:${port}/team/filter:v1`, { sha256: digestOf(Buffer.from(body)) })
  t.equal((await store.fetch(request)).digest, digestOf(first))
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { digestOf, serve, type TestServer } from './modules.ts'

/** Who may pull from a {@link TestRegistry}. */
export interface RegistryGuard {
  readonly by: 'basic' | 'bearer'
  readonly user: string
  readonly password: string
}

/** A registry on loopback that speaks as much of OCI distribution v2 as pulling needs. */
export interface TestRegistry extends TestServer {
  /** Puts an image of one layer there; gives the hex digest of its manifest. */
  push(tag: string, layer: Uint8Array, mediaType: string): string
  /** Puts an index of one manifest there; gives its hex digest. */
  pushIndex(tag: string, manifest: string): string
}

/** An artifact whose only layer is the module. */
export const artifactLayer = 'application/vnd.module.wasm.content.layer.v1+wasm'
/** A layer of docker. */
export const dockerLayer = 'application/vnd.docker.image.rootfs.diff.tar.gzip'

const repository = 'team/filter'
const token = 'token-of-the-test'

/** Starts a registry with one repository, `team/filter`. */
export async function startRegistry(guard: RegistryGuard | null = null): Promise<TestRegistry> {
  const blobs = new Map<string, Uint8Array>()
  const manifests = new Map<string, Uint8Array>()
  const server = await serve((request, response, host) => {
    const url = new URL(request.url ?? '/', `http://${host}`)
    if (guard && url.pathname === '/token') return giveToken(guard, request, response)
    if (guard && !isLetIn(guard, request)) {
      const bearer = `Bearer realm="http://${host}/token",service="test",scope="repository:${repository}:pull"`
      response.writeHead(401, { 'www-authenticate': guard.by === 'basic' ? 'Basic realm="test"' : bearer })
      response.end()
      return
    }
    const [, kind, name = ''] =
      new RegExp(`^/v2/${repository}/(manifests|blobs)/(.+)$`).exec(url.pathname) ?? []
    const found = kind === 'manifests' ? manifests.get(name) : blobs.get(name)
    response.writeHead(found ? 200 : 404)
    response.end(found)
  })
  const put = (tag: string, content: unknown): string => {
    const bytes = Buffer.from(JSON.stringify(content))
    manifests.set(tag, bytes)
    manifests.set(`sha256:${digestOf(bytes)}`, bytes)
    return digestOf(bytes)
  }
  return {
    ...server,
    push: (tag, layer, mediaType) => {
      const digest = `sha256:${digestOf(layer)}`
      blobs.set(digest, layer)
      return put(tag, { schemaVersion: 2, layers: [{ mediaType, digest, size: layer.length }] })
    },
    pushIndex: (tag, manifest) =>
      put(tag, {
        schemaVersion: 2,
        manifests: [{ digest: `sha256:${manifest}`, platform: { os: 'linux' } }],
      }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const basicOf = ({ user, password }: RegistryGuard): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

const isLetIn = (guard: RegistryGuard, { headers }: IncomingMessage): boolean =>
  headers.authorization === (guard.by === 'basic' ? basicOf(guard) : `Bearer ${token}`)

function giveToken(guard: RegistryGuard, { headers }: IncomingMessage, response: ServerResponse): void {
  const isKnown = headers.authorization === basicOf(guard)
  response.writeHead(isKnown ? 200 : 401)
  response.end(isKnown ? JSON.stringify({ token }) : '')
}

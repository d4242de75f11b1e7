import { createHash } from 'node:crypto'
import { ModuleRefusal, type ModuleStoreOptions } from './contract.ts'
import { type Credentials, fieldOf, readCredentials } from './credentials.ts'
import { type Download, download } from './http-client.ts'
import { type ImageReference, isPlainRegistry } from './reference.ts'

/** What stands in an image: which of its layers holds the module. */
export interface ImageManifest {
  /** Hex, of what the registry answered for the name of the image: a manifest, or an index of them. */
  readonly digest: string
  /** Hex, of the manifest itself; the same but for an index. */
  readonly manifestDigest: string
  readonly layer: string
}

const indexTypes: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
])
const accepted = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  ...indexTypes,
].join(', ')
/** Layers that are the module; of all others the last is taken, and unpacked. */
const moduleLayers: ReadonlySet<unknown> = new Set([
  'application/vnd.module.wasm.content.layer.v1+wasm',
  'application/wasm',
])
const maxManifestBytes = 4 * 1024 * 1024

/** One conversation with a registry about one repository (OCI distribution v2): it keeps what it has been let in with. */
export class Registry {
  readonly #image: ImageReference
  readonly #options: ModuleStoreOptions
  #authorization: string | null = null

  constructor(image: ImageReference, options: ModuleStoreOptions) {
    this.#image = image
    this.#options = options
  }

  /** Looks up what the image's name stands for. Of an index the first manifest is taken: modules know no platforms. */
  async manifest(): Promise<ImageManifest> {
    const { tag, digest } = this.#image
    const first = await this.#manifestAt(digest === null ? (tag ?? 'latest') : `sha256:${digest}`)
    if (digest !== null && first.digest !== digest)
      throw new ModuleRefusal(`has a manifest of SHA-256 ${first.digest}: expected ${digest}`)
    if (layerOf(first.content) !== null) return made(first.digest, first)
    const [inner] = listOf(first.content, 'manifests')
    const named = hexOf(inner)
    if (named === null) throw new ModuleRefusal('is an image without layers')
    const second = await this.#manifestAt(`sha256:${named}`)
    if (second.digest !== named) throw new ModuleRefusal('has a manifest that is not the one its index names')
    return made(first.digest, second)
  }

  /** The bytes of a layer, checked against its digest. */
  async layer(digest: string): Promise<Uint8Array> {
    const { bytes } = await this.#get(`blobs/sha256:${digest}`, '*/*', 'layer')
    if (sha256(bytes) !== digest) throw new ModuleRefusal('has a layer that is not what its manifest says')
    return bytes
  }

  async #manifestAt(name: string): Promise<{ readonly digest: string; readonly content: unknown }> {
    const { bytes } = await this.#get(`manifests/${name}`, accepted, 'manifest')
    if (bytes.length > maxManifestBytes) throw new ModuleRefusal('has a manifest that is too large')
    try {
      return { digest: sha256(bytes), content: JSON.parse(Buffer.from(bytes).toString()) }
    } catch {
      throw new ModuleRefusal('has a manifest that is no JSON')
    }
  }

  async #get(path: string, accept: string, what: string): Promise<Download> {
    const { registry, repository } = this.#image
    const scheme = this.#isPlain ? 'http' : 'https'
    const url = new URL(`${scheme}://${registry}/v2/${repository}/${path}`)
    let answer = await this.#download(url, accept)
    if (answer.status === 401 && this.#authorization === null) {
      this.#authorization = await this.#authorize(String(answer.headers['www-authenticate'] ?? ''))
      if (this.#authorization !== null) answer = await this.#download(url, accept)
    }
    if (answer.status === 200) return answer
    const hint =
      answer.status === 401 || answer.status === 403
        ? '; are there credentials for it (--registry-credentials)?'
        : ''
    throw new ModuleRefusal(`cannot be fetched: ${registry} answers ${answer.status} for its ${what}${hint}`)
  }

  #download(url: URL, accept: string): Promise<Download> {
    const authorization = this.#authorization
    return download(url, {
      headers: { accept, ...(authorization !== null && { authorization }) },
      limits: this.#options.limits,
      mayBePlain: () => this.#isPlain,
    })
  }

  get #isPlain(): boolean {
    return isPlainRegistry(this.#image.registry, this.#options.plainRegistries)
  }

  /** What to say after a 401: by Basic at once, by Bearer with a token of whom the registry names. Null: nothing helps. */
  async #authorize(challenge: string): Promise<string | null> {
    const credentials = await readCredentials(this.#options.credentialsFile, this.#image.credentialsKey)
    if (credentials && 'bearer' in credentials) return `Bearer ${credentials.bearer}`
    if (/^basic\b/i.test(challenge)) return credentials && basicOf(credentials)
    if (!/^bearer\b/i.test(challenge)) return null
    const said = new Map<string, string>()
    for (const [, key = '', value = ''] of challenge.matchAll(/([a-z]+)="([^"]*)"/gi))
      said.set(key.toLowerCase(), value)
    return `Bearer ${await this.#token(said, credentials)}`
  }

  async #token(said: ReadonlyMap<string, string>, credentials: Credentials | null): Promise<string> {
    const realm = said.get('realm') ?? ''
    const url = URL.canParse(realm) ? new URL(realm) : null
    const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && this.#isPlain)
    if (!url || !isAllowed)
      throw new ModuleRefusal(`cannot be fetched: ${this.#image.registry} names no https address for tokens`)
    url.searchParams.set('scope', said.get('scope') ?? `repository:${this.#image.repository}:pull`)
    const service = said.get('service')
    if (service !== undefined) url.searchParams.set('service', service)
    const authorization = credentials && basicOf(credentials)
    const answer = await download(url, {
      headers: { accept: 'application/json', ...(authorization !== null && { authorization }) },
      limits: this.#options.limits,
      mayBePlain: () => this.#isPlain,
    })
    const token = answer.status === 200 ? tokenIn(answer.bytes) : null
    if (token === null)
      throw new ModuleRefusal(`cannot be fetched: ${url.host} gives no token (status ${answer.status})`)
    return token
  }
}

function made(
  digest: string,
  manifest: { readonly digest: string; readonly content: unknown },
): ImageManifest {
  const layer = layerOf(manifest.content)
  if (layer === null) throw new ModuleRefusal('is an image without layers')
  return { digest, manifestDigest: manifest.digest, layer }
}

function layerOf(manifest: unknown): string | null {
  const layers = listOf(manifest, 'layers')
  return hexOf(layers.find((layer) => moduleLayers.has(fieldOf(layer, 'mediaType'))) ?? layers.at(-1))
}

const listOf = (value: unknown, key: string): readonly unknown[] => {
  const found = fieldOf(value, key)
  return Array.isArray(found) ? found : []
}

const hexOf = (descriptor: unknown): string | null =>
  /^sha256:([0-9a-f]{64})$/.exec(String(fieldOf(descriptor, 'digest')))?.[1] ?? null

const basicOf = (credentials: Credentials): string | null =>
  'user' in credentials
    ? `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`
    : null

function tokenIn(bytes: Uint8Array): string | null {
  try {
    const content: unknown = JSON.parse(Buffer.from(bytes).toString())
    const token = fieldOf(content, 'token') ?? fieldOf(content, 'access_token')
    return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) ? token : null
  } catch {
    return null
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

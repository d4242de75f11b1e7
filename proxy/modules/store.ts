import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { ContentCache } from './content-cache.ts'
import { type ModuleFile, ModuleRefusal, type ModuleRequest, type ModuleStoreOptions } from './contract.ts'
import { download } from './http-client.ts'
import { parseImage } from './reference.ts'
import { Registry } from './registry.ts'
import { unpackModule } from './unpack.ts'
import { filePath } from './urls.ts'

/** How many different modules `Always` is remembered of. */
const maxAsked = 1_000

/** Fetches modules from files, servers and registries, and keeps what came from afar. One for a process. */
export class ModuleStore {
  readonly #options: ModuleStoreOptions
  readonly #cache: ContentCache
  /** What the server answered whom: `Always` asks once for each state of a resource. */
  readonly #asked = new Map<string, { readonly resource: string; readonly digest: string }>()

  constructor(options: ModuleStoreOptions) {
    this.#options = options
    this.#cache = new ContentCache(options.cacheFolder, options.limits.maxCacheBytes)
  }

  /** Rejects with a {@link ModuleRefusal}, whose line goes well behind the URL. */
  async fetch(request: ModuleRequest): Promise<ModuleFile> {
    const source = sourceOf(request)
    if (source.is === 'file') return this.#read(source.path, request.sha256)
    const { name, isAlways } = source
    const asker = `${request.owner} ${name}`
    if (isAlways) {
      const before = this.#asked.get(asker)
      const kept = before?.resource === request.resource ? await this.#cache.get(before.digest) : null
      if (kept) return kept
    } else {
      const kept = await this.#cache.find(name)
      if (kept) return kept
    }
    const file =
      source.is === 'image'
        ? await this.#pull(source.reference, request.sha256)
        : await this.#download(source.url, request.sha256)
    await this.#cache.keep(file, [name])
    this.#remember(asker, request.resource, file.digest)
    return file
  }

  #remember(asker: string, resource: string, digest: string): void {
    this.#asked.delete(asker)
    this.#asked.set(asker, { resource, digest })
    const [oldest] = this.#asked.keys()
    if (this.#asked.size > maxAsked && oldest !== undefined) this.#asked.delete(oldest)
  }

  async #read(path: string, sha256: string | null): Promise<ModuleFile> {
    const { maxBytes } = this.#options.limits
    const bytes = await readBounded(path, maxBytes)
    checkDigest(bytes, sha256)
    return moduleFile(await unpackModule(bytes, maxBytes))
  }

  async #download(url: URL, sha256: string | null): Promise<ModuleFile> {
    const { limits } = this.#options
    const { username, password } = url
    const secret = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    const bare = new URL(url)
    bare.username = ''
    bare.password = ''
    const authorization = `Basic ${Buffer.from(secret).toString('base64')}`
    const { status, bytes } = await download(bare, {
      headers: username === '' ? {} : { authorization },
      limits,
      mayBePlain: () => false,
    })
    if (status !== 200) throw new ModuleRefusal(`cannot be fetched: ${bare.host} answers ${status}`)
    checkDigest(bytes, sha256)
    return moduleFile(await unpackModule(bytes, limits.maxBytes))
  }

  async #pull(reference: string, sha256: string | null): Promise<ModuleFile> {
    const registry = new Registry(parseImage(reference), this.#options)
    const { digest, manifestDigest, layer } = await registry.manifest()
    if (sha256 !== null && sha256 !== digest && sha256 !== manifestDigest)
      throw new ModuleRefusal(`has a manifest of SHA-256 ${digest}: expected ${sha256}`)
    const known = await this.#cache.find(`layer ${layer}`)
    if (known) return known
    const file = moduleFile(await unpackModule(await registry.layer(layer), this.#options.limits.maxBytes))
    await this.#cache.keep(file, [`layer ${layer}`])
    return file
  }
}

type Source =
  | { readonly is: 'file'; readonly path: string }
  | ({ readonly is: 'http'; readonly url: URL } & Named)
  | ({ readonly is: 'image'; readonly reference: string } & Named)

interface Named {
  /** What it is kept under: what must be equal for the same module. */
  readonly name: string
  readonly isAlways: boolean
}

/** Understands a URL. Throws a {@link ModuleRefusal}. */
function sourceOf({ url: text, sha256, pullPolicy, folder }: ModuleRequest): Source {
  if (/^file:/i.test(text)) return { is: 'file', path: filePath(text, folder) }
  const pin = sha256 ?? ''
  if (/^https?:/i.test(text)) {
    if (!URL.canParse(text)) throw new ModuleRefusal('is no URL')
    const isAlways = sha256 === null && pullPolicy === 'Always'
    return { is: 'http', url: new URL(text), name: `${text} ${pin}`, isAlways }
  }
  const reference = text.replace(/^oci:\/\//i, '')
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(reference))
    throw new ModuleRefusal('is of an unknown kind: expected file:, http:, https: or oci:')
  const { tag, digest } = parseImage(reference)
  const isPinned = digest !== null || sha256 !== null
  const isLatest = tag === null || tag === 'latest'
  const isAlways = !isPinned && (pullPolicy === null ? isLatest : pullPolicy === 'Always')
  return { is: 'image', reference, name: `oci://${reference} ${pin}`, isAlways }
}

async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    // Without O_NONBLOCK, opening a pipe waits for its writer.
    await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const facts = await handle.stat()
    if (!facts.isFile()) throw new ModuleRefusal('is not a regular file')
    if (facts.size > maxBytes) throw new ModuleRefusal(`is too large: at most ${maxBytes} bytes are read`)
    return await handle.readFile()
  } catch (thrown) {
    if (thrown instanceof ModuleRefusal) throw thrown
    const isMissing = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
    throw new ModuleRefusal(
      `cannot be read: ${isMissing ? 'there is no such file' : 'not permitted'} (${path})`,
    )
  }
}

function checkDigest(bytes: Uint8Array, sha256: string | null): void {
  const digest = digestOf(bytes)
  if (sha256 !== null && digest !== sha256)
    throw new ModuleRefusal(`has the SHA-256 ${digest}: expected ${sha256}`)
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const moduleFile = (bytes: Uint8Array): ModuleFile => ({ bytes, digest: digestOf(bytes) })

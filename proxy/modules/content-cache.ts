import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModuleFile } from './contract.ts'

/**
 * Keeps modules by the SHA-256 of their content, and what names (URLs, digests of manifests) stood for. In a folder
 * that may be shared and may outlive the process; in memory when there is none, or when it cannot be written.
 *
 * What is read is checked. The least recently used go when there is too much.
 */
export class ContentCache {
  readonly #folder: string | null
  readonly #maxBytes: number
  readonly #kept = new Map<string, ModuleFile>()
  readonly #names = new Map<string, string>()

  constructor(folder: string | null, maxBytes: number) {
    this.#folder = folder
    this.#maxBytes = maxBytes
  }

  /** What a name stood for when it was last kept; null when that is not there any more. */
  async find(name: string): Promise<ModuleFile | null> {
    const digest = this.#names.get(name) ?? (await this.#readName(name))
    return digest === null ? null : this.get(digest)
  }

  async get(digest: string): Promise<ModuleFile | null> {
    const kept = this.#kept.get(digest)
    if (kept || this.#folder === null) return kept ?? null
    const path = this.#contentPath(this.#folder, digest)
    try {
      const bytes = await readFile(path)
      if (createHash('sha256').update(bytes).digest('hex') === digest) {
        const now = new Date()
        await utimes(path, now, now).catch(() => {})
        return { bytes, digest }
      }
      await rm(path, { force: true })
    } catch {
      // It is not there, or not for us: it is fetched then.
    }
    return null
  }

  /** Keeps a module under several names. Never rejects: what cannot be written is kept in memory. */
  async keep(file: ModuleFile, names: readonly string[]): Promise<void> {
    for (const name of names) this.#remember(name, file.digest)
    if (this.#folder === null) return this.#keepInMemory(file)
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      await writeWhole(this.#contentPath(this.#folder, file.digest), file.bytes)
      for (const name of names) await writeWhole(this.#namePath(this.#folder, name), file.digest)
      await this.#makeRoom(this.#folder, file.digest)
    } catch {
      this.#keepInMemory(file)
    }
  }

  #remember(name: string, digest: string): void {
    this.#names.delete(name)
    this.#names.set(name, digest)
    for (const oldest of this.#names.keys()) {
      if (this.#names.size <= maxNames) break
      this.#names.delete(oldest)
    }
  }

  #keepInMemory(file: ModuleFile): void {
    this.#kept.delete(file.digest)
    this.#kept.set(file.digest, file)
    let total = 0
    for (const { bytes } of this.#kept.values()) total += bytes.length
    for (const [digest, { bytes }] of this.#kept) {
      if (total <= Math.min(this.#maxBytes, maxMemoryBytes) || digest === file.digest) break
      total -= bytes.length
      this.#kept.delete(digest)
    }
  }

  async #readName(name: string): Promise<string | null> {
    if (this.#folder === null) return null
    try {
      const digest = await readFile(this.#namePath(this.#folder, name), 'utf8')
      return /^[0-9a-f]{64}$/.test(digest) ? digest : null
    } catch {
      return null
    }
  }

  #contentPath(folder: string, digest: string): string {
    return join(folder, `${digest}.wasm`)
  }

  /** Names are hashed: a URL may hold secrets, and what no file may be called. */
  #namePath(folder: string, name: string): string {
    return join(folder, `${createHash('sha256').update(name).digest('hex')}.name`)
  }

  async #makeRoom(folder: string, newest: string): Promise<void> {
    const oldestFirst = await listing(folder)
    const contents = oldestFirst.filter(({ name }) => name.endsWith('.wasm'))
    const names = oldestFirst.filter(({ name }) => name.endsWith('.name'))
    const gone = names.slice(0, Math.max(0, names.length - maxNames)).map(({ name }) => name)
    let bytes = contents.reduce((sum, { size }) => sum + size, 0)
    for (const { name, size } of contents) {
      if (bytes <= this.#maxBytes) break
      if (name === `${newest}.wasm`) continue
      gone.push(name)
      bytes -= size
    }
    for (const name of gone) await rm(join(folder, name), { force: true })
  }
}

async function listing(folder: string): Promise<readonly { readonly name: string; readonly size: number }[]> {
  const ours = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}\.(wasm|name)$/.test(name))
  const files = await Promise.all(
    ours.map(async (name) => ({ name, facts: await stat(join(folder, name)).catch(() => null) })),
  )
  return files
    .flatMap(({ name, facts }) => (facts ? [{ name, size: facts.size, usedAt: facts.mtimeMs }] : []))
    .toSorted((a, b) => a.usedAt - b.usedAt)
}

const maxNames = 1_000
const maxMemoryBytes = 128 * 1024 * 1024

/** Readers see the old file or the new one, and never a part. */
async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  try {
    await writeFile(draft, content, { mode: 0o600 })
    await rename(draft, path)
  } catch (thrown) {
    await rm(draft, { force: true })
    throw thrown
  }
}

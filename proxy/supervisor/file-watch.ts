import { type FSWatcher, lstatSync, readdirSync, readlinkSync, statSync, watch } from 'node:fs'
import { dirname, parse, resolve, sep } from 'node:path'
import type { Log } from '../../chains/context.ts'

/** How changes are looked for. */
export interface FileWatchOptions {
  readonly log: Log
  /** A changed file has to lie still this long before it counts. */
  readonly settleMs?: number
  /** How often files are looked at without being told to; for file systems that tell nothing. */
  readonly pollMs?: number
  /** Told which of the files and folders have changed. */
  readonly onChange: (changed: readonly string[]) => void
}

/** Changes in a row before a file that never lies still is read anyway. */
const maxUnsettled = 20
/** Symbolic links on the way to a file; the kernel's own limit is 40. */
const maxLinks = 40

/**
 * Tells when one of some files has become another one, or when a folder has
 * got or lost a file.
 *
 * It watches folders, not files, so that it sees what editors and Kubernetes
 * do: a new file renamed over the old one, or a symbolic link on the way
 * (`..data`) that is swapped. Nothing of it keeps the process alive.
 */
export class FileWatch {
  readonly #options: FileWatchOptions
  readonly #poll: NodeJS.Timeout
  #signatures = new Map<string, string>()
  #watchers: FSWatcher[] = []
  #settle: NodeJS.Timeout | null = null
  #unsettled = 0
  #candidate = ''
  #isClosed = false

  constructor(files: readonly string[], options: FileWatchOptions) {
    this.#options = options
    this.#poll = setInterval(() => this.#look(), options.pollMs ?? 5_000)
    this.#poll.unref()
    this.watch(files)
  }

  /** Watches these files from now on; what those watched before were like is remembered. */
  watch(files: readonly string[]): void {
    if (this.#isClosed) return
    const known = this.#signatures
    this.#signatures = new Map(
      files.map((file) => [resolve(file), known.get(resolve(file)) ?? signature(file)]),
    )
    this.#arm()
    // Something may have changed while nobody was watching.
    this.#look()
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#poll)
    if (this.#settle) clearTimeout(this.#settle)
    this.#disarm()
  }

  #arm(): void {
    this.#disarm()
    const folders = new Set([...this.#signatures.keys()].flatMap(foldersOf))
    for (const folder of folders) {
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#look())
        watcher.on('error', () => watcher.close())
        this.#watchers.push(watcher)
      } catch (thrown) {
        // The folder may be gone for a moment, or the kernel be out of watches; the poll still sees changes.
        this.#options.log.debug('a folder cannot be watched', { folder, error: thrown })
      }
    }
  }

  #disarm(): void {
    for (const watcher of this.#watchers) watcher.close()
    this.#watchers = []
  }

  #now(): string {
    return [...this.#signatures.keys()].map(signature).join('\n')
  }

  #look(): void {
    if (this.#isClosed || this.#settle) return
    const now = this.#now()
    if (now === [...this.#signatures.values()].join('\n')) {
      this.#unsettled = 0
      return
    }
    this.#candidate = now
    this.#settle = setTimeout(() => this.#settled(), this.#options.settleMs ?? 50)
    this.#settle.unref()
  }

  #settled(): void {
    this.#settle = null
    this.#unsettled += 1
    if (this.#now() !== this.#candidate && this.#unsettled < maxUnsettled) {
      this.#look()
      return
    }
    this.#unsettled = 0
    const changed: string[] = []
    for (const [file, before] of this.#signatures) {
      const now = signature(file)
      if (now !== before) changed.push(file)
      this.#signatures.set(file, now)
    }
    // A swapped link leads to other folders.
    this.#arm()
    this.#options.onChange(changed)
  }
}

/**
 * What changes when a file does; the same for every file that is not there. Of a
 * folder it is the names in it, without the hidden ones, which editors make and drop.
 */
function signature(file: string): string {
  try {
    const facts = statSync(file, { bigint: true })
    if (facts.isDirectory()) return JSON.stringify(readdirSync(file).filter(isShown).sort())
    const { dev, ino, size, mtimeNs, ctimeNs } = facts
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch {
    return 'none'
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

const isShown = (name: string): boolean => !name.startsWith('.')

/** The folder of a file, those of all symbolic links on the way to it, and itself if it is a folder. */
function foldersOf(file: string): string[] {
  const folders = [dirname(file), ...(isFolder(file) ? [file] : [])]
  let path = file
  for (let links = 0; links < maxLinks; links += 1) {
    const link = firstLink(path)
    if (!link) break
    folders.push(dirname(link.path), dirname(link.leadsTo))
    path = link.leadsTo
  }
  return folders
}

/** The first part of `path` that is a symbolic link, and where the whole path leads through it. */
function firstLink(path: string): { path: string; leadsTo: string } | null {
  const { root } = parse(path)
  const parts = path.slice(root.length).split(sep)
  let at = root
  for (const [index, part] of parts.entries()) {
    at = resolve(at, part)
    try {
      if (!lstatSync(at).isSymbolicLink()) continue
      return { path: at, leadsTo: resolve(dirname(at), readlinkSync(at), ...parts.slice(index + 1)) }
    } catch {
      return null
    }
  }
  return null
}

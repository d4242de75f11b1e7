import type { SharedHeap } from './heap.ts'
import { bucketCount, type EntryKind, entryField, place, spaceAt, spaceField } from './layout.ts'
import { sharedLimits } from './limits.ts'
import type { SharedMemory } from './memory.ts'

/** Entries by vm id, kind and key. It also keeps the account of what each vm id takes up. Use it in transactions. */
export class SharedTable {
  readonly #memory: SharedMemory
  readonly #heap: SharedHeap

  constructor(memory: SharedMemory, heap: SharedHeap) {
    this.#memory = memory
    this.#heap = heap
  }

  /** The entry, or 0 when there is none. */
  find(kind: EntryKind, space: number, key: string): number {
    const hash = this.#hash(kind, space, key)
    let entry = this.#memory.read(bucketOf(hash))
    while (entry !== 0 && !this.#is(entry, hash, tagOf(kind, space), key)) {
      entry = this.#memory.read(entry + entryField.next)
    }
    return entry
  }

  /** A new entry of a key that has none, all its own fields 0; or 0 when the vm id or the memory is full. */
  insert(kind: EntryKind, space: number, key: string): number {
    const memory = this.#memory
    if (key.length > sharedLimits.keyLength) return 0
    if (memory.read(spaceAt(space) + spaceField.entries) >= sharedLimits.spaceEntries) return 0
    const entry = this.allocate(space, (entryField.key - entryField.value) * 4 + key.length * 2)
    if (entry === 0) return 0
    const hash = this.#hash(kind, space, key)
    const bucket = bucketOf(hash)
    memory.write(entry + entryField.next, memory.read(bucket))
    memory.write(entry + entryField.hash, hash)
    memory.write(entry + entryField.tag, tagOf(kind, space))
    for (let field = entryField.value; field <= entryField.cas; field += 1) memory.write(entry + field, 0)
    memory.write(entry + entryField.keyLength, key.length)
    const start = (entry + entryField.key) * 2
    for (let index = 0; index < key.length; index += 1)
      memory.characters[start + index] = key.charCodeAt(index)
    memory.write(bucket, entry)
    memory.add(spaceAt(space) + spaceField.entries, 1)
    return entry
  }

  /** Takes an entry out and frees its block. */
  remove(entry: number): void {
    const memory = this.#memory
    let link = bucketOf(memory.read(entry + entryField.hash))
    while (memory.read(link) !== entry) link = memory.read(link) + entryField.next
    memory.write(link, memory.read(entry + entryField.next))
    const space = this.spaceOf(entry)
    memory.add(spaceAt(space) + spaceField.entries, -1)
    this.free(space, entry)
  }

  /** The first entry of a vm id in one bucket, or 0. */
  firstIn(bucket: number, space: number): number {
    let entry = this.#memory.read(place.buckets + bucket)
    while (entry !== 0 && this.spaceOf(entry) !== space) entry = this.#memory.read(entry + entryField.next)
    return entry
  }

  spaceOf(entry: number): number {
    return this.#memory.read(entry + entryField.tag) >> 8
  }

  kindOf(entry: number): number {
    return this.#memory.read(entry + entryField.tag) & 0xff
  }

  /** A block that is charged to a vm id, or 0 when that or the memory is full. */
  allocate(space: number, contentBytes: number): number {
    const block = this.#heap.allocate(contentBytes)
    if (block === 0) return 0
    const account = spaceAt(space) + spaceField.bytes
    this.#memory.add(account, this.#heap.sizeOf(block))
    if (this.#memory.read(account) > sharedLimits.spaceBytes) return 0
    return block
  }

  /** Only after everything that the transaction allocates. */
  free(space: number, block: number): void {
    this.#memory.add(spaceAt(space) + spaceField.bytes, -this.#heap.sizeOf(block))
    this.#heap.free(block)
  }

  #is(entry: number, hash: number, tag: number, key: string): boolean {
    const memory = this.#memory
    if (memory.read(entry + entryField.hash) !== hash || memory.read(entry + entryField.tag) !== tag)
      return false
    if (memory.read(entry + entryField.keyLength) !== key.length) return false
    const start = (entry + entryField.key) * 2
    for (let index = 0; index < key.length; index += 1) {
      if (memory.characters[start + index] !== key.charCodeAt(index)) return false
    }
    return true
  }

  /** The seed is drawn by lot, so that nobody can choose keys that all fall into one bucket. */
  #hash(kind: EntryKind, space: number, key: string): number {
    let hash = this.#memory.read(place.hashSeed) ^ Math.imul(tagOf(kind, space), 0x9e3779b1)
    for (let index = 0; index < key.length; index += 1) {
      hash = Math.imul(hash ^ key.charCodeAt(index), 0x5bd1e995)
      hash ^= hash >>> 15
    }
    return hash | 0
  }
}

const tagOf = (kind: EntryKind, space: number): number => (space << 8) | kind

const bucketOf = (hash: number): number => place.buckets + (hash & (bucketCount - 1))

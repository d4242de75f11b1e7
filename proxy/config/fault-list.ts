import { type Fault, formatPath, oneLine, type Path } from './fault.ts'

/** A place that is asked for: the value at `path`, or the key that names it. */
export interface Place {
  readonly path: Path
  readonly at: 'key' | 'value'
}

/** A place in a text; both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** Finds where things stand in a file, all in one go, because that may need a pass over the whole text. */
export type Locator = (places: readonly Place[]) => readonly Position[]

interface Found extends Place {
  readonly message: string
}

/** What came of one load. */
export interface Verdict {
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
}

/** Faults that are listed at most; the rest are only counted. */
const maxListed = 100
/** Unknown keys that are named in their one warning. */
const maxNamedUnknown = 5

/**
 * Collects everything that is wrong with one config, so that all of it can be
 * told at once. Positions are looked up only at the end, and only if there is
 * something to tell.
 */
export class FaultList {
  readonly #found: Found[] = []
  readonly #warned: Found[] = []
  readonly #loose: Fault[] = []
  readonly #looseWarnings: Fault[] = []
  readonly #unknown: Path[] = []
  readonly #unreadable: Path[] = []
  readonly #paths = new WeakMap<object, Path>()
  readonly #indexes = new WeakMap<object, readonly number[]>()
  #uncounted = 0
  #unknownCount = 0

  /** Adds a fault about the value at `path`, or about the key that names it. */
  add(path: Path, message: string, at: 'key' | 'value' = 'value'): void {
    // Several clusters may have taken the same wrong words from their service.
    const isKnown = this.#found.some(
      (one) => one.message === message && formatPath(one.path) === formatPath(path),
    )
    if (isKnown) return
    if (this.#found.length < maxListed) this.#found.push({ path, at, message })
    else this.#uncounted += 1
  }

  /** Adds a fault that has its place already, or none. */
  addLoose(fault: Fault): void {
    if (this.#loose.length < maxListed) this.#loose.push(fault)
    else this.#uncounted += 1
  }

  warn(path: Path, message: string, at: 'key' | 'value' = 'value'): void {
    if (this.#warned.length < maxListed) this.#warned.push({ path, at, message })
  }

  /** Adds a warning that has its place already, or none. */
  warnLoose(warning: Fault): void {
    if (this.#looseWarnings.length < maxListed) this.#looseWarnings.push(warning)
  }

  /** Counts a key that nobody knows; all of them become one warning. */
  countUnknown(path: Path): void {
    this.#unknownCount += 1
    if (this.#unknown.length < maxNamedUnknown) this.#unknown.push(path)
  }

  get hasFaults(): boolean {
    return this.#found.length > 0 || this.#loose.length > 0
  }

  /** Remembers where a value that was read came from. `indexes` is for lists that lost items on the way. */
  remember(value: object, path: Path, indexes?: readonly number[]): void {
    this.#paths.set(value, path)
    if (indexes) this.#indexes.set(value, indexes)
  }

  /** Notes a value that could not be read, about which there is a fault already. */
  noteUnreadable(path: Path): void {
    if (this.#unreadable.length < maxListed) this.#unreadable.push(path)
  }

  /**
   * Whether one of these keys (or any, when none is given) is there but was
   * refused: what is missing for that reason needs no fault of its own.
   */
  isRefused(path: Path, ...keys: readonly string[]): boolean {
    return [...this.#found.map((found) => found.path), ...this.#unreadable].some((found) => {
      const key = found[path.length]
      const isMeant = typeof key === 'string' && (keys.length === 0 || keys.includes(key))
      return isMeant && path.every((step, i) => step === found[i])
    })
  }

  /** Whether there is a fault about a flag such as `--inbound`. */
  isFlagRefused(flag: string): boolean {
    return this.#loose.some(({ file }) => file === flag)
  }

  /** Whether items of a list that was read were refused. */
  hasLostItems(list: readonly unknown[]): boolean {
    return this.#indexes.has(list)
  }

  /** The path of a value that was read from the config, with `steps` below it. */
  pathOf(value: object, ...steps: readonly (string | number)[]): Path {
    const indexes = this.#indexes.get(value)
    const path = this.#paths.get(value) ?? []
    const [first] = steps
    if (!indexes || typeof first !== 'number') return [...path, ...steps]
    return [...path, indexes[first] ?? first, ...steps.slice(1)]
  }

  /** Everything that was found, with places, in the order of the file. `resource` is the one that all of it is in. */
  settle(file: string, locate: Locator, resource?: string): Verdict {
    const warned = [...this.#warned]
    if (this.#unknownCount > 0) warned.push(this.#unknownWarning())
    const positions = this.#found.length + warned.length > 0 ? locate([...this.#found, ...warned]) : []
    const all = [...this.#found, ...warned].map((found, i): Fault => {
      const { line, column } = positions[i] ?? { line: 0, column: 0 }
      const fault = { file, line, column, path: formatPath(found.path), message: oneLine(found.message) }
      return resource === undefined ? fault : { ...fault, resource }
    })
    const faults = inOrder(file, [...this.#loose, ...all.slice(0, this.#found.length)])
    if (this.#uncounted > 0) {
      faults.push({ file, line: 0, column: 0, path: '', message: `and ${this.#uncounted} more faults` })
    }
    return { faults, warnings: inOrder(file, [...this.#looseWarnings, ...all.slice(this.#found.length)]) }
  }

  #unknownWarning(): Found {
    const named = this.#unknown.map(formatPath).join(', ')
    const rest = this.#unknownCount > this.#unknown.length ? ', …' : ''
    const count = this.#unknownCount === 1 ? '1 unknown key is' : `${this.#unknownCount} unknown keys are`
    return { path: this.#unknown[0] ?? [], at: 'key', message: `${count} ignored: ${named}${rest}` }
  }
}

/** What has no place comes first, then the file itself, then other files as they came; each in its own order. */
function inOrder(file: string, faults: readonly Fault[]): Fault[] {
  const unplaced = faults.filter((fault) => fault.line === 0 && fault.file !== file)
  const files = [...new Set([...unplaced.map((fault) => fault.file), file, ...faults.map((one) => one.file)])]
  const rank = new Map(files.map((name, i) => [name, i]))
  const rankOf = (fault: Fault): number => rank.get(fault.file) ?? 0
  return faults.toSorted((a, b) => rankOf(a) - rankOf(b) || a.line - b.line || a.column - b.column)
}

/** What became of one config that somebody wanted to bring into service. */
export interface GenerationRecord {
  readonly generation: number
  /** ISO 8601. */
  readonly time: string
  /** The config file, or `command line`. */
  readonly source: string
  /** What set it off, such as `start`, `SIGHUP` or `file changed: PATH`. */
  readonly cause: string
  readonly outcome: 'ok' | 'refused'
  /** Why it was refused, one line each; empty when it was not. */
  readonly reasons: readonly string[]
}

const maxRecords = 20
/** Of one refused config; a hostile file can have any number of faults. */
const maxReasons = 50

/** The last 20 generations, those that were refused among them. Numbers count up and are never used twice. */
export class GenerationHistory {
  readonly #records: GenerationRecord[] = []
  #last = 0

  /** The number for the next attempt. */
  next(): number {
    this.#last += 1
    return this.#last
  }

  /** Remembers how an attempt ended, and forgets the oldest one. */
  add(record: Omit<GenerationRecord, 'time'>): void {
    const reasons =
      record.reasons.length > maxReasons
        ? [...record.reasons.slice(0, maxReasons), `and ${record.reasons.length - maxReasons} more faults`]
        : record.reasons
    this.#records.push({ ...record, time: new Date().toISOString(), reasons })
    if (this.#records.length > maxRecords) this.#records.shift()
  }

  /** Newest first. */
  list(): readonly GenerationRecord[] {
    return this.#records.toReversed()
  }
}

import { write, writeSync } from 'node:fs'
import type { Log } from '../../chains/context.ts'
import { type AccessLogFile, openAccessLog } from './access-log-file.ts'
import { countLines, LineBatch } from './line-batch.ts'

/** What {@link AccessLogWriter} is made with. */
export interface AccessLogWriterOptions {
  /** `-` is standard output; else a file that is appended to. */
  readonly path: string
  /** Told how many lines were dropped. */
  onDrop(count: number): void
  /** Told, once each time, when lines cannot be written. */
  readonly log?: Log
}

const batchMs = 100
const maxWaitingLength = 4 * 1_048_576
const firstRetryMs = 1
const maxRetryMs = 100
const faultRetryMs = 1_000
const closeMs = 2_000
const lineFeed = 0x0a

/**
 * Writes access log lines in batches, whole and in order, and waits for nobody.
 *
 * At most 4 MiB wait for a slow reader; what comes beyond that is dropped and
 * counted. A reader that is gone (EPIPE) ends the writing until
 * {@link reopen}; a full disk is tried again each second. Throws an `Error` of
 * one clear line if the file cannot be opened.
 */
export class AccessLogWriter {
  readonly #options: AccessLogWriterOptions
  #file: AccessLogFile
  /** Lines that no write has begun on. */
  readonly #batch = new LineBatch()
  /** What is being written, and how much of it has been. */
  #current: Buffer | null = null
  #offset = 0
  #isWriting = false
  #isReopening = false
  #hasFault = false
  #retryMs = firstRetryMs
  /** Waits for the batch to fill, or for the next try. */
  #timer: NodeJS.Timeout | null = null
  #state: 'open' | 'broken' | 'closed' = 'open'
  #isClosing = false
  #closing: Promise<void> | null = null
  #closed: (() => void) | null = null

  constructor(options: AccessLogWriterOptions) {
    this.#options = options
    this.#file = openAccessLog(options.path)
  }

  /** Takes one line without its line end. */
  write(line: string): void {
    if (this.#state !== 'open' || this.#waiting() + line.length >= maxWaitingLength) {
      this.#options.onDrop(1)
      return
    }
    this.#batch.add(line)
    if (this.#isWriting || this.#current) return
    if (this.#batch.isFull) this.#pump()
    else this.#timer ??= setTimeout(() => this.#pump(), batchMs).unref()
  }

  /**
   * Opens the file anew by its name, after somebody has moved it away. Lines
   * that still wait go to the new file. If that fails the old one stays and
   * the log says so.
   */
  reopen(): void {
    if (this.#options.path === '-' || this.#isClosing) return
    this.#isReopening = true
    if (!this.#isWriting) this.#pump()
  }

  /**
   * Writes what waits, for two seconds at most, then lets go of the file.
   * Lines that come later are dropped and counted.
   */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#isClosing = true
      if (this.#state === 'open') this.#state = 'closed'
      const deadline = setTimeout(() => this.#finish(), closeMs)
      this.#closed = () => {
        clearTimeout(deadline)
        resolve()
      }
      if (!this.#isWriting) this.#pump()
    })
    return this.#closing
  }

  #waiting(): number {
    return this.#batch.length + (this.#current ? this.#current.length - this.#offset : 0)
  }

  /** Begins the next write, if there is one. Not to be called while one is under way. */
  #pump(): void {
    while (this.#prepare()) {
      const { fd, maxWriteBytes, isNonBlocking } = this.#file
      const bytes = this.#current as Buffer
      const length = pieceEnd(bytes, this.#offset, maxWriteBytes) - this.#offset
      if (!isNonBlocking) {
        this.#isWriting = true
        write(fd, bytes, this.#offset, length, null, (error, written) => this.#wroteLater(error, written))
        return
      }
      try {
        this.#advance(writeSync(fd, bytes, this.#offset, length))
      } catch (error) {
        this.#failed(error as NodeJS.ErrnoException)
        return
      }
      if (this.#waitsForMore()) return
    }
  }

  /** Whether there is something to write now, in `#current`. */
  #prepare(): boolean {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#isReopening && this.#isBetweenLines()) this.#exchangeFile()
    if (this.#current) return true
    if (this.#batch.length === 0 || this.#state === 'broken') {
      if (this.#isClosing) this.#finish()
      return false
    }
    this.#current = this.#batch.take()
    this.#offset = 0
    return true
  }

  #wroteLater(error: NodeJS.ErrnoException | null, written: number): void {
    this.#isWriting = false
    if (!this.#current) {
      // The deadline of close() has passed meanwhile.
      this.#file.close()
      return
    }
    if (error) {
      this.#failed(error)
      return
    }
    this.#advance(written)
    if (!this.#waitsForMore()) this.#pump()
  }

  #advance(written: number): void {
    this.#hasFault = false
    this.#retryMs = firstRetryMs
    this.#offset += written
    const bytes = this.#current
    if (!bytes || this.#offset < bytes.length) return
    this.#batch.reuse(bytes)
    this.#current = null
  }

  /** Whether the next write is better made when more has come; the timer sees to it. */
  #waitsForMore(): boolean {
    const isIdle = !this.#current && !this.#isReopening && !this.#isClosing
    if (!isIdle || this.#batch.isFull) return false
    if (this.#batch.length > 0) this.#timer ??= setTimeout(() => this.#pump(), batchMs).unref()
    return true
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (error.code === 'EPIPE' || error.code === 'EBADF') {
      this.#options.log?.error('the reader of the access log is gone; lines are dropped', { error })
      this.#state = 'broken'
      this.#dropAll()
      if (this.#isClosing || this.#isReopening) this.#pump()
      return
    }
    let waitMs = this.#retryMs
    if (error.code === 'EAGAIN') {
      this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs)
    } else {
      if (!this.#hasFault)
        this.#options.log?.error('the access log cannot be written; trying again', { error })
      this.#hasFault = true
      waitMs = faultRetryMs
    }
    this.#timer = setTimeout(() => this.#pump(), waitMs).unref()
  }

  #isBetweenLines(): boolean {
    return !this.#current || this.#offset === 0 || this.#current[this.#offset - 1] === lineFeed
  }

  #exchangeFile(): void {
    this.#isReopening = false
    try {
      const next = openAccessLog(this.#options.path)
      this.#file.close()
      this.#file = next
      if (this.#state === 'broken') this.#state = 'open'
    } catch (error) {
      this.#options.log?.error('the access log could not be opened anew; the old file stays', { error })
    }
  }

  #dropAll(): void {
    const count = this.#batch.count() + (this.#current ? countLines(this.#current.subarray(this.#offset)) : 0)
    this.#batch.clear()
    this.#current = null
    if (count > 0) this.#options.onDrop(count)
  }

  #finish(): void {
    if (!this.#closed) return
    const done = this.#closed
    this.#closed = null
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#dropAll()
    // A write that is still under way keeps the descriptor until it comes back.
    if (!this.#isWriting) this.#file.close()
    done()
  }
}

/** Where the next write ends: after as many whole lines as go into `most` bytes, or after one that is longer. */
function pieceEnd(bytes: Buffer, start: number, most: number): number {
  if (bytes.length - start <= most) return bytes.length
  const last = bytes.lastIndexOf(lineFeed, start + most - 1)
  if (last >= start) return last + 1
  return bytes.indexOf(lineFeed, start) + 1
}

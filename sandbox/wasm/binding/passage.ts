import { Body } from '../../../chains/body.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import { Pipe } from '../../plugin/lending/pipe.ts'
import type { Way } from '../proxy-wasm/streams/way.ts'

/**
 * A body that goes through a guest: the way gets what the source brings, and what it lets through comes out of
 * {@link body}. Back-pressure goes through: a full reader stops the source, and a guest that holds bytes does
 * at the limit of what it may hold.
 */
export class Passage {
  readonly pipe = new Pipe()
  readonly #way: Way
  readonly #source: Body
  readonly #failed: (error: ProxyError) => void
  #isStarted = false
  #isOver = false

  /** `failed` is told when the source breaks off while the guest still holds the head: nobody reads what comes out then. */
  constructor(way: Way, source: Body, failed: (error: ProxyError) => void) {
    this.#way = way
    this.#source = source
    this.#failed = failed
    this.pipe.source = new Body(
      { open: () => {}, resume: () => this.resume(), cancel: (reason) => this.#cancel(reason) },
      null,
    )
  }

  get isStarted(): boolean {
    return this.#isStarted
  }

  /** What comes out. */
  get body(): Body {
    return this.pipe.body
  }

  /** Begins to read the source, before anybody reads what comes out. */
  start(): void {
    if (this.#isStarted || this.#isOver) return
    this.#isStarted = true
    this.#source.open({
      write: (bytes) => this.#way.feed(bytes),
      end: (trailers) => {
        this.#isOver = true
        this.#way.feedEnd(trailers)
      },
      fail: (error) => {
        this.#isOver = true
        const { holdsHead } = this.#way
        this.#way.stop()
        if (holdsHead) this.#failed(error)
        this.pipe.fail(error)
      },
    })
  }

  /** The source may bring more. */
  resume(): void {
    if (this.#isOver) return
    if (this.#isStarted) this.#source.resume()
    else this.start()
  }

  /** Breaks it off, either way. */
  break(error: ProxyError): void {
    this.#cancel(error)
    this.pipe.fail(error)
  }

  #cancel(reason: ProxyError): void {
    this.#way.stop()
    if (this.#isOver) return
    this.#isOver = true
    if (this.#isStarted) this.#source.cancel(reason)
  }
}

import type { HeaderList } from '../../../../chains/headers.ts'
import { type DataAction, dataAction, type HeadAction, headAction } from './actions.ts'
import { HeldBytes } from './held-bytes.ts'

/** The callbacks of one way. They give the guest's number, or null without a callback; when the guest fails, they {@link Way.stop} the way. */
export interface WayGuest {
  head(isEnd: boolean): number | null
  data(size: number, isEnd: boolean): number | null
  trailers(): number | null
}

/** Where one way goes on to. */
export interface WayOutlet {
  /** What was held of the head may go on. */
  head(): void
  /** False means that it is full. The bytes are the way's own again when this returns. */
  write(bytes: Uint8Array): boolean
  end(trailers: HeaderList | null): void
  /** There is room for more of the source, which was told to stop. */
  wantsMore(): void
  /** More than the limit was held. Nothing is called any more. */
  overflow(): void
  /** Whether it is the guest alone that all waits for. */
  waiting(isWaiting: boolean): void
}

/** How a way is set. */
export interface WayOptions {
  readonly guest: WayGuest
  readonly outlet: WayOutlet
  readonly limitBytes: number
  /** Whether a guest that holds the head with the answer 1 gets the body. */
  readonly isBodyWanted: boolean
  /** Whether what a guest holds stops the source at the limit, whatever number it says: so it is with connections. */
  readonly isConnection: boolean
}

/** What the guest is being told, or was told last. */
export type WayPhase = 'idle' | 'head' | 'data' | 'last data' | 'trailers' | 'over'

/**
 * One way of a stream: requests or responses, or what one side of a connection sends. A state machine
 * without a stream behind it: who has the bytes feeds them, and the outlet gets what the guest lets through.
 */
export class Way {
  readonly held = new HeldBytes()
  /** What came behind the body, or what the guest made there; null when there is nothing. */
  trailers: HeaderList | null = null
  phase: WayPhase = 'idle'
  readonly #options: WayOptions
  #hold: 'none' | Exclude<HeadAction, 'continue'> | Exclude<DataAction, 'continue' | 'drop'> = 'none'
  #isHeadHeld = false
  #isRunning = false
  #isResumed = false
  #hasEnded = false
  #isSourceStopped = false

  constructor(options: WayOptions) {
    this.#options = options
  }

  get isOver(): boolean {
    return this.phase === 'over'
  }

  /** Whether the guest keeps something back. */
  get isHeld(): boolean {
    return this.#hold !== 'none' && !this.isOver
  }

  /** Whether the head has not gone on yet: it can be changed. */
  get holdsHead(): boolean {
    return this.#isHeadHeld
  }

  /** Whether the guest has bytes that have not gone on yet. */
  get holdsData(): boolean {
    return this.phase === 'data' || this.phase === 'last data' || this.held.length > 0
  }

  /** Whether trailers can be read, and written. */
  get holdsTrailers(): boolean {
    return this.phase === 'trailers' || this.phase === 'last data'
  }

  /** The head. With `all` nothing is to be fed before {@link WayOutlet.head}; `continue` does not tell the outlet. */
  feedHead(isEnd: boolean): HeadAction {
    this.#isHeadHeld = true
    this.#hasEnded = isEnd
    const result = this.#run('head', () => this.#options.guest.head(isEnd))
    if (this.isOver) return 'all'
    const action = this.#isResumed ? 'continue' : headAction(result, this.#options.isBodyWanted)
    if (action === 'continue') this.#isHeadHeld = false
    else {
      this.#hold = action
      if (isEnd || action === 'all') this.#options.outlet.waiting(true)
    }
    return action
  }

  /** Bytes, which are the source's again afterwards. False means that it is to stop until {@link WayOutlet.wantsMore}. */
  feed(bytes: Uint8Array): boolean {
    if (this.isOver) return true
    this.#isSourceStopped = false
    const { held } = this
    const { limitBytes, guest } = this.#options
    if (this.#hold === 'buffer' && held.length + bytes.length > limitBytes) return this.#overflow()
    held.append(bytes)
    const result = this.#run('data', () => guest.data(held.length, false))
    if (this.isOver) return true
    const isFree = this.#apply(this.#dataAction(result))
    this.#isSourceStopped = !isFree && !this.isOver
    return isFree
  }

  /** The end, with what came behind the body. */
  feedEnd(trailers: HeaderList | null): void {
    if (this.isOver) return
    this.#hasEnded = true
    const { guest } = this.#options
    if (trailers && trailers.size > 0) {
      this.trailers = trailers
      const result = this.#run('trailers', () => guest.trailers())
      if (this.isOver) return
      this.#apply(this.#isResumed || result === null || result === 0 ? 'continue' : 'watermark')
      return
    }
    const result = this.#run('last data', () => guest.data(this.held.length, true))
    if (this.isOver) return
    this.#apply(this.#dataAction(result))
  }

  /** The guest lets it go on. In the middle of its own callback that counts when the callback has ended. */
  resume(): void {
    if (this.isOver) return
    if (this.#isRunning) this.#isResumed = true
    else if (this.#hold !== 'none') this.#release()
  }

  /** Nothing is called or let through any more. */
  stop(): void {
    if (this.isOver) return
    this.phase = 'over'
    this.held.take()
    this.#options.outlet.waiting(false)
  }

  #run(phase: WayPhase, call: () => number | null): number | null {
    this.phase = phase
    this.#isResumed = false
    this.#isRunning = true
    try {
      return call()
    } finally {
      this.#isRunning = false
    }
  }

  #dataAction(result: number | null): DataAction {
    if (this.#isResumed || result === null || result === 0) return 'continue'
    return this.#options.isConnection ? 'watermark' : dataAction(result)
  }

  /** Whether more may come. */
  #apply(action: DataAction): boolean {
    const { limitBytes, outlet } = this.#options
    if (action === 'continue') return this.#release()
    if (action === 'drop') this.held.take()
    this.held.keep()
    this.#hold = action === 'watermark' ? 'watermark' : 'buffer'
    const isOverLimit = this.held.length > limitBytes
    if (isOverLimit && action === 'buffer') return this.#overflow()
    outlet.waiting(this.#hasEnded || isOverLimit)
    return !isOverLimit
  }

  #release(): boolean {
    const { outlet } = this.#options
    if (this.#hold !== 'none') outlet.waiting(false)
    this.#hold = 'none'
    if (this.#isHeadHeld) {
      this.#isHeadHeld = false
      outlet.head()
    }
    const bytes = this.held.take()
    const isFree = bytes.length === 0 || outlet.write(bytes)
    if (this.isOver) return true
    if (this.#hasEnded && this.phase !== 'head') {
      this.phase = 'over'
      outlet.end(this.trailers)
    } else if (isFree && this.#isSourceStopped) {
      this.#isSourceStopped = false
      outlet.wantsMore()
    }
    return isFree
  }

  #overflow(): boolean {
    this.stop()
    this.#options.outlet.overflow()
    return true
  }
}

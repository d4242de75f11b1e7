import type { HeaderList } from '../../chains/headers.ts'
import type { HeadText } from '../../proxy/http1/head-buffer.ts'
import type { BodyFraming, ReaderLimits } from '../../proxy/http1/message.ts'
import { MessageReader } from '../../proxy/http1/reader.ts'
import { parseRequestHead } from '../../proxy/http1/request-head.ts'
import { parseResponseHead } from '../../proxy/http1/response-head.ts'
import type { Sample } from './generate.ts'
import type { Parsed, ParsedMessage } from './parsed.ts'

const limits: Omit<ReaderLimits, 'kind'> = {
  maxHeadBytes: 8_192,
  maxTargetBytes: 2_048,
  maxHeaders: 100,
  maxBodyBytes: 0,
}

interface Draft extends Omit<ParsedMessage, 'body' | 'trailers' | 'isWhole'> {
  readonly closes: boolean
  readonly body: string[]
  trailers: readonly string[]
  isWhole: boolean
}

/** Reads one sample with the proxy's own parser, as a connection of the proxy would. */
class OurReading {
  readonly #sample: Sample
  readonly #reader: MessageReader
  readonly #drafts: Draft[] = []
  #refusal: string | null = null
  #isOpened = true

  constructor(sample: Sample) {
    this.#sample = sample
    this.#reader = new MessageReader(
      { ...limits, kind: sample.kind },
      {
        onHead: (head) => this.#takeHead(head),
        onBegin: () => {},
        onMessageEnd: () => {
          const draft = this.#drafts.at(-1)
          if (draft) draft.isWhole = true
        },
        onError: (error) => {
          this.#refusal ??= `${error.code}: ${error.message}`
        },
        onCancel: () => {},
      },
    )
  }

  read(pieces: Iterable<Buffer>): Parsed {
    for (const piece of pieces) {
      if (this.#isOver) break
      this.#reader.push(piece)
      this.#advance()
    }
    if (this.#sample.kind === 'response' && !this.#isOver) {
      this.#reader.finish()
      this.#advance()
    }
    const messages = this.#drafts.map(({ closes: _, ...draft }) => ({ ...draft, body: draft.body.join('') }))
    const isAll =
      this.#refusal === null &&
      !this.#reader.isInHead &&
      !this.#reader.hasHeld &&
      messages.every(({ isWhole }) => isWhole)
    return { messages, refusal: this.#refusal, isAll }
  }

  /** After a message that closes, nothing more is read; of answers only the first counts. */
  get #isOver(): boolean {
    const last = this.#drafts.at(-1)
    return this.#refusal !== null || (last?.isWhole === true && last.closes)
  }

  /** Opens the bodies and goes on to the next messages, as far as the bytes go. */
  #advance(): void {
    for (;;) {
      const draft = this.#drafts.at(-1)
      if (!draft || this.#isOver) return
      if (!draft.isWhole && !this.#isOpened) {
        this.#isOpened = true
        this.#reader.source().open({
          write: (bytes) => {
            draft.body.push(Buffer.from(bytes).toString('latin1'))
            return true
          },
          end: (trailers: HeaderList | null) => {
            draft.trailers = trailers?.fields ?? []
          },
          fail: () => {},
        })
        continue
      }
      if (!draft.isWhole || this.#isOver) return
      const before = this.#drafts.length
      this.#reader.next()
      if (this.#drafts.length === before) return
    }
  }

  #takeHead(raw: HeadText): BodyFraming | null {
    if (this.#sample.kind === 'response') return this.#takeResponseHead(raw)
    const head = parseRequestHead(raw, limits)
    this.#isOpened = false
    this.#drafts.push({
      method: head.method,
      target: head.path,
      status: 0,
      fields: head.headers.fields,
      closes: !head.keepsAlive || head.method === 'CONNECT',
      body: [],
      trailers: [],
      isWhole: false,
    })
    return head.isChunked ? 'chunked' : (head.contentLength ?? 0)
  }

  /** The framing of an answer (RFC 9112 section 6.3). */
  #takeResponseHead(raw: HeadText): BodyFraming | null {
    const head = parseResponseHead(raw, limits)
    if (head.status < 200 && head.status !== 101) return null
    this.#isOpened = false
    this.#drafts.push({
      method: '',
      target: '',
      status: head.status,
      fields: head.headers.fields,
      closes: true,
      body: [],
      trailers: [],
      isWhole: false,
    })
    const isBodyless = this.#sample.method === 'HEAD' || [101, 204, 304].includes(head.status)
    if (isBodyless) return 0
    if (head.isChunked) return 'chunked'
    return head.contentLength >= 0 ? head.contentLength : 'until-close'
  }
}

/** What the proxy's parser makes of a sample that comes in pieces which end at `cuts` (ascending offsets). */
export function parseAll(sample: Sample, cuts: readonly number[]): Parsed {
  const ends = [...cuts, sample.bytes.length]
  const pieces = ends.map((end, index) => Buffer.from(sample.bytes.subarray(ends[index - 1] ?? 0, end)))
  return new OurReading(sample).read(pieces)
}

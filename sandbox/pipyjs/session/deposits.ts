import { HeaderList } from '../../../chains/headers.ts'
import { type HostCall, type HostFunction, HostRefusal } from '../../quickjs/contract.ts'
import { type PipelineEvent, type StartEvent, streamErrors } from '../events.ts'
import type { CallbackResult, Expectation } from '../guest-session.ts'
import type { HeadEntry } from './calling.ts'
import type { Heads } from './heads.ts'
import { checkedHeaders, copyOf, readMadeHead } from './made-heads.ts'

/** What came of a call, as the guest says it. */
export const codes = {
  none: 0,
  events: 1,
  plain: 2,
  array: 3,
  object: 4,
  isFalse: 5,
  isTrue: 6,
  promise: 7,
} as const

/** The code of a result that the host could read by itself; of any other, the guest has given it. */
export function codeOf(result: undefined | boolean | number, expected: Expectation): number {
  if (typeof result === 'number') return result
  if (expected !== 'truth') return codes.none
  return result === true ? codes.isTrue : codes.isFalse
}

/** Events that one call can send. */
const maxEvents = 10_000
/** Elements that an array can have that is to be worked with one by one. */
const maxElements = 10_000

/** An event that is sent when the call has ended well, or a head whose event is made then. */
type Sent = PipelineEvent | { readonly type: 'head'; readonly entry: HeadEntry; readonly isCopy: boolean }

interface Parcel {
  events: Sent[]
  value: CallbackResult | null
}

/** What has become of a promise in a call. */
export type Settlement =
  | { readonly promise: number; readonly parcel: Parcel; readonly code: number }
  | { readonly promise: number; readonly message: string; readonly stack: string }

/** What callbacks give: put down by the guest piece by piece, and taken when the call has ended well. */
export class Deposits {
  readonly functions: Readonly<Record<string, HostFunction>>
  readonly #heads: Heads
  readonly #maxBytes: number
  #open: Parcel = { events: [], value: null }
  #main: Parcel | null = null
  #settled: Settlement[] = []
  #count = 0
  #bytes = 0
  /** The bytes that came with this call, the number of the first, and that of the next to come. */
  #given: readonly Uint8Array[] = nothing
  #firstGiven = 1

  constructor(heads: Heads, maxBytes: number) {
    this.#heads = heads
    this.#maxBytes = maxBytes
    this.functions = { ...this.#eventFunctions(), ...this.#resultFunctions() }
  }

  /** The number that the first bytes of the next call will have. */
  get nextGiven(): number {
    return this.#firstGiven
  }

  /** The call that begins brings bytes, with the numbers from {@link nextGiven} on. */
  give(bytes: readonly Uint8Array[]): void {
    this.#given = bytes
  }

  /** The bytes that came with the call cannot come back any more. */
  forgetGiven(): void {
    if (this.#given.length === 0) return
    this.#firstGiven += this.#given.length
    this.#given = nothing
  }

  /** The result of the call itself. */
  take(code: number): CallbackResult {
    const parcel = this.#main ?? { events: [], value: null }
    this.#main = null
    return this.resultOf(parcel, code)
  }

  /** What has become of promises. */
  takeSettled(): readonly Settlement[] {
    const settled = this.#settled
    if (settled.length > 0) this.#settled = []
    this.#count = 0
    this.#bytes = 0
    return settled
  }

  /** Forgets all that a call has put down. */
  clear(): void {
    this.#open = { events: [], value: null }
    this.#main = null
    this.#settled = []
    this.#count = 0
    this.#bytes = 0
  }

  /** A result as the runtime has it. */
  resultOf(parcel: Parcel, code: number): CallbackResult {
    if (code === codes.none) return none
    if (code === codes.isTrue || code === codes.isFalse) return code === codes.isTrue ? yes : no
    if (code === codes.events)
      return { type: 'events', events: parcel.events.map((sent) => this.#event(sent)) }
    return parcel.value ?? none
  }

  /** A head is sent as it is the first time, and as a copy from then on. */
  #event(sent: Sent): PipelineEvent {
    if (sent.type !== 'head') return sent
    const { entry } = sent
    const isCopy = sent.isCopy || entry.isSent
    if (!isCopy) entry.isSent = true
    return startOf(isCopy ? copyOf(entry.head) : entry.head)
  }

  #eventFunctions(): Record<string, HostFunction> {
    return {
      emitHead: (call) => {
        this.#send({ type: 'head', entry: this.#heads.entry(call.number(0)), isCopy: call.boolean(1) }, 0)
      },
      emitMadeHead: (call) => {
        const json = call.string(0)
        this.#send(startOf(readMadeHead(json)), json.length)
      },
      emitGivenBytes: (call) => {
        const bytes = this.#given[call.number(0) - this.#firstGiven]
        if (bytes) this.#send({ type: 'data', bytes }, 0)
        return bytes !== undefined
      },
      emitBytes: (call) => {
        const bytes = call.bytes(0)
        this.#send({ type: 'data', bytes }, bytes.length)
      },
      emitEnd: (call) => {
        const trailers = textOrNull(call, 0)
        const payload = textOrNull(call, 1)
        const list = trailers === null ? null : new HeaderList(checkedHeaders(JSON.parse(trailers)))
        const length = (trailers?.length ?? 0) + (payload?.length ?? 0)
        this.#send({ type: 'end', trailers: list, payload }, length)
      },
      emitStreamEnd: (call) => {
        const error = textOrNull(call, 0)
        const detail = call.string(1)
        const isKnown = error === null || (streamErrors as readonly string[]).includes(error)
        const event = isKnown
          ? ({ type: 'streamEnd', error, detail } as const)
          : ({ type: 'streamEnd', error: 'RuntimeError', detail: error } as const)
        this.#send(event, event.detail.length)
      },
    }
  }

  #resultFunctions(): Record<string, HostFunction> {
    return {
      resultPlain: (call) => {
        const number = call.number(0)
        if (!Number.isNaN(number)) this.#open.value = { type: 'plain', value: number }
        else if (call.boolean(0)) this.#open.value = yes
        else this.#open.value = plainText(call)
      },
      resultArray: (call) => {
        const first = call.number(0)
        const length = call.number(1)
        if (length > maxElements)
          throw new HostRefusal(`an array of ${length} elements is over the ${maxElements} that can be here`)
        this.#open.value = { type: 'array', handles: Array.from({ length }, (_, index) => first + index) }
      },
      resultObject: (call) => {
        const key = call.number(0)
        const json = textOrNull(call, 1)
        this.#open.value = { type: 'object', key, json: json === null ? undefined : JSON.parse(json) }
      },
      settled: (call) => {
        const promise = call.number(0)
        const code = call.number(1)
        const parcel = this.#open
        if (promise === 0) this.#main = parcel
        else this.#settled.push({ promise, parcel, code })
        this.#open = { events: [], value: null }
      },
      rejected: (call) => {
        const settlement = { promise: call.number(0), message: call.string(1), stack: call.string(2) }
        this.#open = { events: [], value: null }
        this.#settled.push(settlement)
      },
    }
  }

  #send(sent: Sent, length: number): void {
    if (this.#count >= maxEvents) throw new HostRefusal(`one call can send ${maxEvents} events, and no more`)
    if (this.#bytes + length > this.#maxBytes) {
      throw new HostRefusal(`one call can send ${this.#maxBytes} bytes, and no more`)
    }
    this.#count += 1
    this.#bytes += length
    this.#open.events.push(sent)
  }
}

const nothing: readonly Uint8Array[] = []
const none: CallbackResult = { type: 'none' }
const yes: CallbackResult = { type: 'plain', value: true }
const no: CallbackResult = { type: 'plain', value: false }

function startOf(head: StartEvent['head']): StartEvent {
  return { type: 'start', head, body: null, isWhole: false }
}

function textOrNull(call: HostCall, index: number): string | null {
  try {
    return call.string(index)
  } catch (thrown) {
    if (thrown instanceof HostRefusal) return null
    throw thrown
  }
}

/** A text; what is no text, number or `true` is `false`, or the number that is none. */
function plainText(call: HostCall): CallbackResult {
  const value = textOrNull(call, 0)
  return value === null ? no : { type: 'plain', value }
}

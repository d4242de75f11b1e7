import type { GuestValue } from '../../quickjs/contract.ts'
import type { PipelineEvent } from '../events.ts'
import type { CallbackArgument, WholeMessage } from '../guest-session.ts'
import type { CallingContext } from './calling.ts'
import { textOfHead } from './header-texts.ts'
import type { Heads } from './heads.ts'

/** Kinds of arguments, as the guest knows them. Each is followed by its values. */
const kinds = {
  start: 0,
  data: 1,
  end: 2,
  streamEnd: 3,
  message: 4,
  head: 5,
  plain: 6,
  handle: 7,
  inbound: 8,
} as const

/** Arguments as they cross, and the bytes among them, which may come back by their numbers. */
export interface Crossing {
  readonly values: GuestValue[]
  readonly bytes: Uint8Array[]
  /** The number of the first bytes. */
  readonly firstBytes: number
}

/** Makes arguments ready to cross into a context. */
export function cross(
  args: readonly CallbackArgument[],
  heads: Heads,
  context: CallingContext,
  firstBytes: number,
): Crossing {
  const crossing: Crossing = { values: [], bytes: [], firstBytes }
  for (const argument of args) addArgument(crossing, argument, heads, context)
  return crossing
}

function addArgument(
  crossing: Crossing,
  argument: CallbackArgument,
  heads: Heads,
  context: CallingContext,
): void {
  const { values } = crossing
  switch (argument.type) {
    case 'event':
      addEvent(crossing, argument.event, heads, context)
      break
    case 'message':
      addMessage(crossing, argument.message, heads, context)
      break
    case 'head':
      values.push(kinds.head, heads.lift(argument.start.head, context))
      break
    case 'bytes':
      addBytes(crossing, argument.bytes)
      break
    case 'plain':
      values.push(kinds.plain, argument.value)
      break
    case 'handle':
      values.push(kinds.handle, argument.handle)
      break
    case 'inbound':
      values.push(kinds.inbound)
  }
}

function addEvent(crossing: Crossing, event: PipelineEvent, heads: Heads, context: CallingContext): void {
  const { values } = crossing
  switch (event.type) {
    case 'start':
      values.push(kinds.start, heads.lift(event.head, context))
      break
    case 'data':
      addBytes(crossing, event.bytes)
      break
    case 'end':
      values.push(kinds.end, trailersOf(event), event.payload)
      break
    case 'streamEnd':
      values.push(kinds.streamEnd, event.detail || event.error)
  }
}

function addMessage(crossing: Crossing, message: WholeMessage, heads: Heads, context: CallingContext): void {
  const { start, bytes, end } = message
  crossing.values.push(
    kinds.message,
    heads.lift(start.head, context),
    bytes,
    numberOf(crossing, bytes),
    end !== null,
    end && trailersOf(end),
    end?.payload ?? null,
  )
}

function addBytes(crossing: Crossing, bytes: Uint8Array): void {
  crossing.values.push(kinds.data, bytes, numberOf(crossing, bytes))
}

function numberOf(crossing: Crossing, bytes: Uint8Array): number {
  return crossing.firstBytes + crossing.bytes.push(bytes) - 1
}

function trailersOf({ trailers }: Pick<NonNullable<WholeMessage['end']>, 'trailers'>): string | null {
  return trailers && JSON.stringify(trailers.fields.map(textOfHead))
}

import { sharedLimits } from './limits.ts'

/**
 * Where everything stands in the shared memory, in words of four bytes. Records of the head have fixed places; all
 * else is in blocks of the heap, which begin with {@link blockField}.
 */
/** A value of the longest kind is some 250 blocks, and for each of them blocks may be halved or joined ten times. */
const journalEntries = 32_768
const spaceWords = 8
const queueWords = 8
/** The sizes of blocks are 64 bytes times two to the power of their order. */
export const smallestBlockWords = 16
/** How many orders there can be. */
export const maxOrders = 25
/** A power of two. */
export const bucketCount = 16_384

/** Words that stand alone, and where the tables begin. */
export const place = tables({
  lock: 1,
  journalCount: 1,
  nextCas: 1,
  hashSeed: 1,
  topOrder: 1,
  freeHeads: maxOrders,
  bells: sharedLimits.seats,
  journal: journalEntries * 2,
  spaces: sharedLimits.spaces * spaceWords,
  references: sharedLimits.spaces * sharedLimits.seats,
  queues: sharedLimits.queues * queueWords,
  buckets: bucketCount,
})

/** Where the heap begins. */
export const heapStart = Math.ceil((place.buckets + bucketCount) / smallestBlockWords) * smallestBlockWords
/** How many words one transaction can change. */
export const maxJournal = journalEntries

/** Words of the record of a vm id in use. `name` is the entry that has its name. */
export const spaceField = { state: 0, users: 1, bytes: 2, entries: 3, queues: 4, name: 5 } as const
/** What `state` of a space can be: a dying one is known by no name any more, and what is in it is being freed. */
export const spaceState = { free: 0, live: 1, dying: 2 } as const
/** Words of the record of a queue. `registrant` is a seat and one, 0 for none. */
export const queueField = {
  isLive: 0,
  generation: 1,
  space: 2,
  head: 3,
  tail: 4,
  count: 5,
  owed: 6,
  registrant: 7,
} as const

/**
 * Words of a block of the heap. `state` says its order and whether it is free; the next two are links of the free
 * list, or when it is in use: the next entry of a queue, and the rest of a long value. The content is at `content`.
 */
export const blockField = { state: 0, next: 1, previous: 2, rest: 2, length: 3, content: 4 } as const
/** Words of the block of an entry of the table. `value` is eight bytes at a multiple of eight. */
export const entryField = {
  next: 1,
  hash: 2,
  tag: 3,
  value: 4,
  cas: 6,
  keyLength: 7,
  key: 8,
} as const
/** What an entry stands for; the same key may stand once for each. */
export const entryKind = { space: 0, data: 1, queue: 2, number: 3 } as const
/** One of {@link entryKind}. */
export type EntryKind = (typeof entryKind)[keyof typeof entryKind]

/** The word that changes when something waits for the thread of a seat. */
export const bellAt = (seat: number): number => place.bells + seat
/** Where the record of a vm id is. */
export const spaceAt = (space: number): number => place.spaces + space * spaceWords
/** Where it is written whether a thread uses a vm id. */
export const referenceAt = (space: number, seat: number): number =>
  place.references + space * sharedLimits.seats + seat
/** Where the record of a queue is. */
export const queueAt = (queue: number): number => place.queues + queue * queueWords

function tables<Name extends string>(sizes: Readonly<Record<Name, number>>): Readonly<Record<Name, number>> {
  let at = 0
  const places: Partial<Record<Name, number>> = {}
  for (const name of Object.keys(sizes) as Name[]) {
    places[name] = at
    at += sizes[name]
  }
  return places as Readonly<Record<Name, number>>
}

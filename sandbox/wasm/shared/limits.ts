/** What plugins may keep in the shared memory: strangers choose keys, values and names. */
export const sharedLimits = {
  /** The whole, in bytes, of which the system gives only what is touched; a power of two. */
  heapBytes: 64 * 1_048_576,
  /** What one vm id may take of it, so that one plugin cannot fill it for the others. */
  spaceBytes: 16 * 1_048_576,
  /** Keys, queues and numbers of one vm id; as many as a map of `cx.kv` has. */
  spaceEntries: 10_000,
  /** vm ids in use at a time, and those of metrics. */
  spaces: 512,
  /** Characters of a vm id, a key or a name. */
  keyLength: 1_024,
  /** Bytes of one value or one queue entry: a copy of that size is the longest that the lock is held. */
  valueBytes: 1_048_576,
  /** Queues of all vm ids together. */
  queues: 1_024,
  /** Queues of one vm id. */
  spaceQueues: 64,
  /** Entries that wait in one queue; and ready calls that are owed to its registrant. */
  queueEntries: 10_000,
  /** Threads at a time: workers, those that are being replaced, and the main thread. */
  seats: 128,
} as const

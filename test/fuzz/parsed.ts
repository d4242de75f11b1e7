/** One message as a parser understood it; all text is latin1. */
export interface ParsedMessage {
  /** Empty for an answer. */
  readonly method: string
  /** As the parser tells it: the raw target (oracle), or the path (ours). Empty for an answer. */
  readonly target: string
  /** 0 for a request. */
  readonly status: number
  /** Names and values in turn; white space around values is gone. */
  readonly fields: readonly string[]
  readonly body: string
  /** Names and values in turn. */
  readonly trailers: readonly string[]
  /** Whether its end was seen. */
  readonly isWhole: boolean
}

/** What a parser made of one sample. */
export interface Parsed {
  /** In order; only the last may be unfinished. */
  readonly messages: readonly ParsedMessage[]
  /** Why the parser went no further, or null. */
  readonly refusal: string | null
  /** Whether every byte has become part of `messages`. */
  readonly isAll: boolean
}

/** What can cross to the host and back. */
export type Crossing = undefined | null | boolean | number | string | ArrayBuffer

/** Functions of the host by name, whatever they take. */
export type HostFunctions = Readonly<Record<string, (...values: readonly Crossing[]) => Crossing>>

/** A header's name: its number, once the host has given it one, or itself. */
export type HeaderKey = number | string

/** The functions of the host that the core of the guest uses. `sandbox/pipyjs/session` has them. */
export interface Host {
  /** `/plugins/NAME.js`: what `__filename` says, and how frames of stacks name the script. */
  fileName(): string

  /** Gives a header's name a number; 0 when it can have none. */
  headerName(name: string): number
  /** The number of the head that is shown to a callback which cannot keep it. */
  shownHead(): number
  /** A value; the number of values, for cookies that are repeated. */
  header(head: number, name: HeaderKey): string | number | undefined
  /** Every value, as a JSON array. */
  headerValues(head: number, name: HeaderKey): string
  setHeader(head: number, name: HeaderKey, value: string): void
  /** The values are a JSON array. */
  setHeaderValues(head: number, name: HeaderKey, values: string): void
  deleteHeader(head: number, name: HeaderKey): void
  /** Every name, lower case, as a JSON array. */
  headerNames(head: number): string
  /** How names are spelt that are not in lower case: a JSON object, by what they are in lower case. */
  headerSpellings(head: number): string
  /** The headers are a JSON array of names and values in turn. */
  replaceHeaders(head: number, headers: string): void
  /** A field by its place in `headFields`. */
  headField(head: number, field: number): string | number | undefined
  setHeadField(head: number, field: number, value: string | number | undefined): void
  /** Which fields are there: bits by their places in `headFields`. */
  headFieldBits(head: number): number
  /** What HTTP has no place for: a JSON object of JSON texts, or null for nothing. */
  headExtras(head: number): string | null
  setHeadExtra(head: number, name: string, json: string | undefined): void
  /** A whole head, for when it has to be kept: see `MadeHead`. */
  wholeHead(head: number): string

  /** Has the entry `finish` called at the end of this call. True if that was not asked for before. */
  wantFinish(): boolean
  emitHead(head: number, isCopy: boolean): void
  /** A head that was made here: a `MadeHead` as JSON. */
  emitMadeHead(json: string): void
  /** Bytes that came with this very call, by their number; false when they are not there any more. */
  emitGivenBytes(number: number): boolean
  emitBytes(bytes: ArrayBuffer): void
  /** Trailers as a JSON array of names and values in turn, payload as JSON. */
  emitEnd(trailers: string | null, payload: string | null): void
  emitStreamEnd(error: string | null, detail: string): void
  /** What the callback gave when it is no event. */
  resultPlain(value: boolean | number | string): void
  resultArray(firstHandle: number, length: number): void
  resultObject(key: number, json: string | null): void
  /** What was emitted or given so far is the result of this promise; 0 is that of the call itself. */
  settled(promise: number, code: number): void
  rejected(promise: number, message: string, stack: string): void
  /** Something has to be done in another context, by the entry `resume`. */
  defer(context: number): void

  /** The number of a variable that is somebody else's. Refuses unknown ones. */
  importVariable(name: string, namespace: string): number
  /** Publishes a variable of the script. Refuses what somebody else publishes. */
  exportVariable(name: string, namespace: string, json: string | undefined): number
  /** A plain value, or the token of an object. */
  variable(index: number): null | boolean | number | string
  assignPlain(index: number, value: null | boolean | number | string): void
  /** False when the host does not know that object, and wants it again as JSON. */
  assignObject(index: number, key: number, json: string | undefined): boolean
  /** How often an exported variable has been written. */
  sharedVersion(index: number): number
  /** The JSON of an exported variable; undefined for undefined. */
  sharedValue(index: number): string | undefined
  /** Writes an exported variable; gives its new version. */
  shareValue(index: number, json: string | undefined): number
  /** The token of the connection that the exchange came on; null when there is none. */
  inbound(): number | null
  /** An object by its token: see `Description`. */
  describe(token: number): string
  /** The token of the config. */
  configToken(): number

  encodeText(text: string, encoding: string): ArrayBuffer | null
  decodeText(bytes: ArrayBuffer, encoding: string): string | undefined
  log(level: string, text: string): void
  uuid(): string
  /** Granted environment variables, as a JSON object. */
  environment(): string
  /** A file of the codebase; null when there is none. */
  loadFile(path: string): ArrayBuffer | null
  threadId(): number
  threadCount(): number
  /** Facts about the plugin, as a JSON object with `name` and `version`. */
  plugin(): string
  /** Calls the entry `settle` with this ticket after so many milliseconds. */
  startTimer(ticket: number, ms: number): void
  stopTimer(ticket: number): void
}

/** The host. Set once, while the guest boots; scripts never get to see it. */
export let host: Host

/** Everything that the host has for globals, whoever wrote them; `T` says what is expected of it. */
export function hostFunctions<T>(): T {
  return host as unknown as T
}

/** Keeps the functions of the host; called once, by `boot`. */
export function connectHost(functions: HostFunctions): void {
  host = functions as unknown as Host
}

/** What crosses the wall for bodies; undefined is none. */
export type HostBytes = string | ArrayBuffer | undefined

/**
 * What the host offers to the guest of a JavaScript plugin. Exchanges are
 * numbers; what changes an exchange happens when the call that it was said in is over.
 */
export interface Host {
  /** A part of the first line: 0 method or status, 1 path or reason, 2 version. `way`: 0 request, 1 response. */
  part(exchange: number, way: number, index: number): string
  setPart(exchange: number, way: number, index: number, value: string): void
  /** The values of a header, joined by commas; undefined when there is none. */
  header(exchange: number, way: number, name: string): string | undefined
  setHeader(exchange: number, way: number, name: string, value: string): void
  appendHeader(exchange: number, way: number, name: string, value: string): void
  deleteHeader(exchange: number, way: number, name: string): void
  /** Names and values of the head, parted by line feeds. */
  headers(exchange: number, way: number): string
  /** Collects the body; `settle` is called with it. */
  readBody(exchange: number, way: number, promise: number): void
  /** Puts a body in place of the one there is. */
  replaceBody(exchange: number, way: number, body: HostBytes): void
  /** An answer in place of the upstream's: status, reason, then names and values. */
  answer(exchange: number, head: string, body: HostBytes): void
  /** A callback that had given a promise is done; `error` is empty when it went well. */
  finished(exchange: number, error: string, stack: string): void
  /** A variable as JSON text; undefined when there is nothing. */
  variable(exchange: number, name: string): string | undefined
  setVariable(exchange: number, name: string, json: string): void
  /** A number for the config of this exchange, the same for the same config; 0 is none. */
  configId(exchange: number): number
  configText(id: number): string
  log(level: string, text: string): void
  /** Text of UTF-8 bytes. */
  decode(bytes: ArrayBuffer): string
  /** Lines: method, url, timeout in ms, then names and values. `settle` is called with the answer. */
  fetch(exchange: number, promise: number, head: string, body: HostBytes): void
  /** `get`, `set`, `delete`, `compareAndSet`; `settle` is called with the result. */
  store(
    exchange: number,
    promise: number,
    operation: string,
    key: string,
    value: string,
    expected: string,
    ttlMs: number,
  ): void
  /** Makes a metric; gives its number. */
  metric(kind: string, name: string, labels: string, buckets: string): number
  measure(metric: number, operation: string, labels: string, amount: number): void
  /** Bytes for a TCP connection; `way` 0 is towards the upstream. */
  send(exchange: number, way: number, bytes: HostBytes): void
  closeConnection(exchange: number): void
}

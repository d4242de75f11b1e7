let phrases: Readonly<Record<number, string | undefined>> | null = null

/** The usual reason phrase of a status (RFC 9110 section 15), or an empty one. */
export function reasonOf(status: number): string {
  // An import of `node:http` reads all that it exports, and so loads the client of `fetch`: 7 MiB in each worker.
  phrases ??= process.getBuiltinModule('node:http').STATUS_CODES
  return phrases[status] ?? ''
}

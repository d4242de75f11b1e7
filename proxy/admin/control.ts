/**
 * What the admin ports show and change; the supervisor implements it.
 *
 * What returns `unknown` is plain data that can be printed as JSON. Reading
 * never changes anything. An error that is thrown is answered with 500 and its
 * message, so its message must be one clear line without secrets.
 */
export interface Control {
  /** Whether traffic is served. `reason` is one line: why not, or a word that says it is. */
  ready(): { isReady: boolean; reason: string }
  /** The config that runs. Need not be redacted: the admin server does that. */
  configDump(): unknown
  /** The four chains as they run, by name, each an array in order. */
  chains(): unknown
  /** All plugins with their state, over all workers. */
  plugins(): Promise<unknown>
  /** All endpoints with their state, over all workers. */
  clusters(): Promise<unknown>
  /** The number of the generation that runs, the last ones and how they went, and for each worker those that still have exchanges in them. */
  generations(): Promise<unknown>
  /** All metrics, in the format that `contentType` names. Calls overlap only when one takes longer than ten seconds. */
  metrics(): Promise<{ contentType: string; text: string }>
  /** The level of the log as it is now. */
  logLevel(): string
  /** Sets the level of the log in all threads; false, and nothing has changed, if there is no such level. */
  setLogLevel(level: string): boolean
  /** Begins to drain: no new connections, what is in flight is answered. May be called again. */
  drain(): void
  /** Ends the process in good order, as SIGTERM does. Called when the answer to the request has been sent. */
  quit(): void
}

/** How often a beat is given and looked for, as a share of the longest silence that is borne. */
const beatsPerLimit = 10

/** How far apart beats are, in milliseconds, for a worker that may be silent for `limitMs`. */
export const beatInterval = (limitMs: number): number => Math.max(10, Math.floor(limitMs / beatsPerLimit))

/** Counts `cell` up as long as the event loop of this thread turns. The result stops it. */
export function giveHeartbeat(cell: SharedArrayBuffer, everyMs: number): () => void {
  const counter = new Int32Array(cell)
  const timer = setInterval(() => Atomics.add(counter, 0, 1), everyMs)
  return () => clearInterval(timer)
}

/**
 * Calls `onSilent` once when `cell` has not been counted up for `limitMs`.
 *
 * Silence is measured in turns of our own timer, not by the clock: when the
 * whole process was stopped, nobody is to blame. The result stops the watch.
 */
export function watchHeartbeat(cell: SharedArrayBuffer, limitMs: number, onSilent: () => void): () => void {
  const counter = new Int32Array(cell)
  const everyMs = beatInterval(limitMs)
  let last = Atomics.load(counter, 0)
  let silentMs = 0
  const timer = setInterval(() => {
    const now = Atomics.load(counter, 0)
    silentMs = now === last ? silentMs + everyMs : 0
    last = now
    if (silentMs < limitMs) return
    clearInterval(timer)
    onSilent()
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

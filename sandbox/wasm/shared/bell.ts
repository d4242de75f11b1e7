/// <reference lib="es2024.sharedmemory" />
import { setImmediate as nextTurn } from 'node:timers'

/** Wakes the thread that waits for this word, if there is one. */
export function ring(words: Int32Array, index: number): void {
  Atomics.add(words, index, 1)
  Atomics.notify(words, index)
}

/**
 * Calls `onRing`, never inside of the ringing, when the word was rung; several rings may be one call. It is also
 * called once at first, for what came before anybody listened. Keeps no process alive. The result ends it.
 */
export function listen(words: Int32Array, index: number, onRing: () => void): () => void {
  let isOver = false
  const turn = () => {
    if (isOver) return
    const seen = Atomics.load(words, index)
    onRing()
    const waiting = Atomics.waitAsync(words, index, seen)
    if (waiting.async) waiting.value.then(turn)
    else nextTurn(turn).unref()
  }
  nextTurn(turn).unref()
  return () => {
    isOver = true
    // A wait cannot be taken back, and holds on to all of this until it is over.
    Atomics.notify(words, index)
  }
}

import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** How long a look lasts, and the share of it that a quiet thread is busy at most. */
const lookMs = 500
const quietShare = 0.05

let collect: NodeJS.GCFunction | null = null
let timer: NodeJS.Timeout | null = null

/**
 * Gives back what making a generation has left behind, in this thread, once it has little to do: V8 by itself
 * collects when more is asked for, which an idle sidecar does not do for hours. `collection` is what is done then.
 */
export function collectWhenQuiet(collection: () => void = collectAll): void {
  if (timer) clearInterval(timer)
  let before = performance.eventLoopUtilization()
  timer = setInterval(() => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    if (utilization > quietShare) return
    if (timer) clearInterval(timer)
    timer = null
    collection()
  }, lookMs).unref()
}

/** Stops the thread for some 50 ms. Shrinks the young generation too, which a plain collection leaves as start-up made it grow. */
function collectAll(): void {
  // Beside a flag for the whole of Node, this is the only way to it; scripts of plugins are in no context of V8.
  setFlagsFromString('--expose-gc')
  collect ??= runInNewContext('gc') as NodeJS.GCFunction
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

import { currentContext, rareOf, type ScriptContext } from './contexts.ts'
import type { HeadState } from './head-state.ts'
import { keepHead, newStart, newState } from './head-views.ts'
import type { MessageStart } from './message-start.ts'

/** The start of a message of the host, the same object each time for as long as the context lives. */
export function startIn(context: ScriptContext, head: number): MessageStart {
  if (context[3] === head && context[2] !== undefined) return context[2]
  if (context[2] === undefined) {
    const state = newState(head)
    context[2] = newStart(state)
    context[3] = head
    context[4] = state
    return context[2]
  }
  const rare = rareOf(context)
  rare.starts ??= []
  const known = rare.starts.find((one) => one.head === head)
  if (known !== undefined) return known.start
  const state = newState(head)
  const start = newStart(state)
  rare.starts.push({ head, start, state })
  return start
}

/** Whether a start is the current context's own for that head, and not one that the script made of it. */
export function isStart(start: MessageStart, head: number): boolean {
  const current = currentContext()
  if (current === null) return false
  if (current[3] === head) return current[2] === start
  return current[5]?.starts?.some((one) => one.start === start) ?? false
}

/**
 * Lets go of the messages of a context that is over. What the script still has
 * of one is given all there is to know, to keep.
 */
export function letGo(context: ScriptContext): void {
  if (context[4] === undefined) return
  context[2] = undefined
  keepIfHeld(context)
  const starts = context[5]?.starts
  while (starts !== undefined && starts.length > 0) {
    context[4] = starts[starts.length - 1]?.state
    starts.length -= 1
    keepIfHeld(context)
  }
}

/** The state in the context is what all views hold; nothing of ours may hold it but what is dropped here. */
function keepIfHeld(context: ScriptContext): void {
  const rest = new WeakRef(context[4] as HeadState)
  context[4] = undefined
  const held = rest.deref()
  if (held !== undefined) keepHead(held)
}

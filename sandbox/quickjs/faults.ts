import type { GuestFrame } from './contract.ts'
import { preludeFile } from './prelude.ts'

const maxFrames = 20
/** `    at NAME (FILE:LINE:COLUMN)`, `    at NAME (native)`, and `    at FILE:LINE:COLUMN` for what cannot be parsed. */
const calledFrame = /^ {4}at (.*?) \((.*?)(?::(\d+))?(?::(\d+))?\)$/
const sourceFrame = /^ {4}at (.*?):(\d+)(?::(\d+))?$/

/** What the guest's prelude says of something that was thrown: what it is, and its stack. */
export interface Description {
  readonly message: string
  readonly frames: readonly GuestFrame[]
}

/** Reads `LENGTH:MESSAGESTACK`. */
export function parseDescription(text: string): Description {
  const colon = text.indexOf(':')
  const end = colon + 1 + Number(text.slice(0, colon))
  return { message: text.slice(colon + 1, end), frames: parseStack(text.slice(end)) }
}

/** Reads a stack as QuickJS writes it, innermost frame first. Lines that are no frames are left out. */
export function parseStack(stack: string): GuestFrame[] {
  const frames = stack.split('\n').flatMap((line) => {
    const called = calledFrame.exec(line)
    if (called) return [frame(called[1], called[2], called[3], called[4])]
    const source = sourceFrame.exec(line)
    return source ? [frame('', source[1], source[2], source[3])] : []
  })
  return frames.filter(({ file }) => file !== preludeFile).slice(0, maxFrames)
}

function frame(name = '', file = '', line = '0', column = '0'): GuestFrame {
  return { name, file, line: Number(line), column: Number(column) }
}

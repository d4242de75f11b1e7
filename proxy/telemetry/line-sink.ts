import { writeSync } from 'node:fs'

/**
 * Writes lines straight to a file descriptor, from any thread.
 *
 * It tries once and never waits in a loop: when a non-blocking descriptor is
 * full (EAGAIN), or its reader is gone (EPIPE), the line is dropped. The tail
 * of a line of which only a part was taken goes out before the next one, so
 * that lines stay whole. `droppedLine` words the notice that follows once the
 * descriptor takes lines again.
 */
export function lineSink(fd: number, droppedLine: (count: number) => string): (line: string) => void {
  let tail: Buffer | null = null
  let dropped = 0
  return (line) => {
    if (tail) {
      tail = writeSome(fd, tail)
      if (tail) {
        dropped += 1
        return
      }
    }
    const notice = dropped > 0 ? `${droppedLine(dropped)}\n` : ''
    const bytes = Buffer.from(`${notice}${line}\n`)
    const rest = writeSome(fd, bytes)
    if (rest?.length === bytes.length) {
      dropped += 1
      return
    }
    dropped = 0
    tail = rest
  }
}

/** What was not taken, or null when all was. */
function writeSome(fd: number, bytes: Buffer): Buffer | null {
  try {
    const written = writeSync(fd, bytes)
    return written === bytes.length ? null : bytes.subarray(written)
  } catch {
    return bytes
  }
}

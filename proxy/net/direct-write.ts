import type net from 'node:net'
import { getSystemErrorName } from 'node:util'

/** What Node's socket writes through, as far as it is used here (`LibuvStreamWrap` of Node 26). */
interface Handle {
  /** Gives 0 when the kernel took all, an error number, or the record of a write that waits. */
  writeLatin1String(request: null, text: string): unknown
}

/** Kept alive by the handle until it is through. */
interface WaitingWrite {
  oncomplete: ((status: number) => void) | null
}

/** Longer texts would be copied to the heap first. */
const maxLength = 16_384

/** Whether this Node's sockets write as above; null until one of them has been seen to write. */
let isUsable: boolean | null = null

/** What became of a direct write. */
export type DirectWrite = 'taken' | 'waiting' | 'refused'

/**
 * Writes latin1 text to the handle of a socket on which nothing waits, without
 * the stream in front of it. `refused`: nothing was written; the
 * socket has to do it, and to see what is wrong. `waiting`: the kernel has not
 * taken all, and `onTaken` is called when it has; the socket knows nothing of
 * it, and is destroyed when it fails.
 *
 * Before the first one, a write of Node's own is looked at: a Node that does
 * not write this way is left to its own devices.
 */
export function writeDirectly(socket: net.Socket, text: string, onTaken: () => void): DirectWrite {
  const { _handle: handle } = socket as unknown as { readonly _handle: Handle | null }
  // while it connects, the handle may be replaced, and what was written to it lost
  if (!handle || socket.connecting || !socket.writable) return 'refused'
  if (text.length > maxLength || socket.writableLength > 0) return 'refused'
  if (!isUsable) {
    if (isUsable === null) lookAtNextWrite(handle)
    return 'refused'
  }
  const result = handle.writeLatin1String(null, text)
  if (result === 0) return 'taken'
  if (!isWaitingWrite(result)) return 'refused'
  result.oncomplete = (status) => {
    if (status === 0) onTaken()
    else socket.destroy(writeError(status))
  }
  return 'waiting'
}

/** Older Nodes hand in a request of their own making, and the process aborts if it is missing. */
function lookAtNextWrite(handle: Handle): void {
  handle.writeLatin1String = (request, text) => {
    Reflect.deleteProperty(handle, 'writeLatin1String')
    const result = handle.writeLatin1String(request, text)
    isUsable = request === null && (typeof result === 'number' || isWaitingWrite(result))
    return result
  }
}

function isWaitingWrite(result: unknown): result is WaitingWrite {
  return typeof result === 'object' && result !== null && 'oncomplete' in result
}

/** Like the one that Node makes of a failed write. */
function writeError(status: number): Error {
  const code = getSystemErrorName(status)
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: 'write' })
}

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { configLimits } from '../defaults.ts'
import { type Fault, looseFault, oneLine } from '../fault.ts'

/** The text of a file, or why there is none. */
export type TextResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly fault: Fault }

const unzip = promisify(gunzip)

/**
 * Reads a text file whole, unpacking it when it is gzip (told by its first
 * bytes). Only regular files are read, and only up to `maxBytes`, packed or not.
 */
export async function readTextFile(file: string, maxBytes: number): Promise<TextResult> {
  const refuse = (message: string): TextResult => ({ ok: false, fault: looseFault(file, message) })
  let bytes: Uint8Array
  try {
    bytes = await readBytes(file, maxBytes)
  } catch (thrown) {
    return refuse(thrown instanceof RefusedFile ? thrown.message : `cannot be read: ${systemReason(thrown)}`)
  }
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      bytes = await unzip(bytes, { maxOutputLength: maxBytes })
    } catch (thrown) {
      const isTooLarge = codeOf(thrown) === 'ERR_BUFFER_TOO_LARGE'
      return refuse(isTooLarge ? tooLarge(maxBytes) : `is broken gzip: ${systemReason(thrown)}`)
    }
  }
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return refuse('is not UTF-8 text')
  }
}

/** Reads a secret: the text of a small file without the line end that editors put there. */
export async function readSecretFile(file: string): Promise<TextResult> {
  const result = await readTextFile(file, configLimits.maxSecretBytes)
  if (!result.ok) return result
  const text = result.text.trim()
  return text === ''
    ? { ok: false, fault: looseFault(file, 'is empty: expected a secret') }
    : { ok: true, text }
}

class RefusedFile extends Error {}

async function readBytes(file: string, maxBytes: number): Promise<Uint8Array> {
  // Without O_NONBLOCK, opening a pipe waits for its writer.
  await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  const facts = await handle.stat()
  if (facts.isDirectory()) throw new RefusedFile('is a folder: expected a file')
  if (!facts.isFile()) throw new RefusedFile('is not a regular file')
  if (facts.size > maxBytes) throw new RefusedFile(tooLarge(maxBytes))
  // One byte more than we know of, so that a file that grows meanwhile is noticed.
  const bytes = Buffer.alloc(Math.min(facts.size, maxBytes) + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length)
    length += bytesRead
    if (bytesRead === 0) return bytes.subarray(0, length)
    if (length === bytes.length) throw new RefusedFile('was changed while it was read')
  }
}

function tooLarge(maxBytes: number): string {
  return `is too large: at most ${maxBytes} bytes are read, also after unpacking`
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
}

/** Why the system refused to read something, in words. */
export function systemReason(thrown: unknown): string {
  const reasons: Record<string, string> = {
    ENOENT: 'no such file',
    EACCES: 'permission denied',
    ENOTDIR: 'a part of its path is not a folder',
    ELOOP: 'its symbolic links go in circles',
    ENAMETOOLONG: 'its name is too long',
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return reasons[codeOf(thrown)] ?? oneLine(message)
}

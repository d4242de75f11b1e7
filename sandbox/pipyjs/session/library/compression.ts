import { constants, crc32, deflateRawSync, gunzipSync, inflateSync } from 'node:zlib'
import { type HostFunction, HostRefusal } from '../../../quickjs/contract.ts'
import { attempt } from './attempt.ts'
import { maxPiece, pieceOf } from './pieces.ts'

/** The most that can be decompressed at once, before and after. */
const maxBytes = 2_097_152

const adlerModulus = 65_521

/** Compression in pieces, whose results can be joined; decompression at once. */
export const compressionFunctions: Readonly<Record<string, HostFunction>> = {
  deflatePiece: (call) => {
    const piece = pieceOf(call, 0)
    const finishFlush = call.boolean(1) ? constants.Z_FINISH : constants.Z_SYNC_FLUSH
    return deflateRawSync(piece, { level: 3, finishFlush })
  },
  checksum: (call) => {
    const piece = pieceOf(call, 1)
    const before = call.number(2) >>> 0
    return call.string(0) === 'crc32' ? crc32(piece, before) : adler32(piece, before)
  },
  decompress: (call) => {
    const kind = call.string(0)
    const bytes = call.bytes(1)
    if (bytes.length > maxBytes) throw tooMuch(kind)
    const options = { maxOutputLength: maxBytes }
    const decompressed = kind === 'gunzip' ? gunzipSync : inflateSync
    return attempt(`zlib.${kind}()`, () => {
      try {
        return decompressed(bytes, options)
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooMuch(kind)
        throw thrown
      }
    })
  },
}

function tooMuch(kind: string): HostRefusal {
  return new HostRefusal(
    `zlib.${kind}() takes and gives at most ${maxBytes} bytes; decompressHTTP() takes more`,
  )
}

/** RFC 1950. The sums of one piece stay far below what a number can be. */
function adler32(piece: Uint8Array, before: number): number {
  let low = before & 0xffff
  let high = before >>> 16
  for (let at = 0; at < piece.length && at < maxPiece; at += 1) {
    low += piece[at] as number
    high += low
  }
  return (high % adlerModulus) * 65_536 + (low % adlerModulus)
}

import { Data } from '../data.ts'
import { host } from '../host.ts'
import { bufferOf, inPieces, pushData } from './bytes.ts'
import { libraryHost } from './host.ts'
import { freeze, hexadecimal, padStart } from './natives.ts'

/** What a format puts around compressed data. */
interface Format {
  readonly checksum: string
  readonly before: number
  /** In hex. */
  readonly header: string
  /** What stands at the end, in hex. */
  readonly trailer: (checksum: number, size: number) => string
}

const gzipFormat: Format = {
  checksum: 'crc32',
  before: 0,
  header: '1f8b08000000000000ff',
  trailer: (checksum, size) => number32(checksum, true) + number32(size, true),
}
const zlibFormat: Format = {
  checksum: 'adler32',
  before: 1,
  header: '789c',
  trailer: (checksum) => number32(checksum, false),
}

/** `zlib`: whole bodies at once. For those that are large, there are `compressHTTP()` and `decompressHTTP()`. */
export const zlib: object = freeze({
  gzip: (data: unknown) => compressed(data, 'zlib.gzip()', gzipFormat),
  deflate: (data: unknown) => compressed(data, 'zlib.deflate()', zlibFormat),
  gunzip: (data: unknown) => decompressed(data, 'gunzip'),
  inflate: (data: unknown) => decompressed(data, 'inflate'),
})

function compressed(data: unknown, name: string, format: Format): Data | null {
  if (data === null || data === undefined) return null
  const library = libraryHost()
  const bytes = bufferOf(data, `what ${name} takes`)
  const result = hexBytes(format.header)
  let checksum = format.before
  inPieces(bytes, (piece, isLast) => {
    checksum = library.checksum(format.checksum, piece, checksum)
    pushData(result, new Data(library.deflatePiece(piece, isLast)))
  })
  return pushData(result, hexBytes(format.trailer(checksum, bytes.byteLength)))
}

function decompressed(data: unknown, kind: string): Data | null {
  if (data === null || data === undefined) return null
  return new Data(libraryHost().decompress(kind, bufferOf(data, `what zlib.${kind}() takes`)))
}

const hexBytes = (hex: string): Data => new Data(host.encodeText(hex, 'hex'))

/** A number of four bytes in hex. */
function number32(value: number, isLowestFirst: boolean): string {
  let hex = ''
  for (let shift = 0; shift < 32; shift += 8) {
    const byte = padStart(hexadecimal((value >>> shift) & 255), 2, '0')
    hex = isLowestFirst ? hex + byte : byte + hex
  }
  return hex
}

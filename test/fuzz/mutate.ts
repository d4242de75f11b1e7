import type { Random } from './random.ts'

const separators = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '\0',
  '\x0b',
  '\r\n\r\n',
  '\r\n ',
  '"',
  '0',
  '\xa0',
]
const lines = [
  'Content-Length: 3',
  'Content-Length: 0',
  'content-length: +3',
  'Content-Length : 3',
  'Content-Length: 3, 3',
  'Transfer-Encoding: chunked',
  'transfer-encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding : chunked',
  ' Transfer-Encoding: chunked',
  'Transfer-Encoding:\x0bchunked',
  'Host: evil.test',
  'Connection: close',
  'Connection: content-length',
  'Connection: transfer-encoding',
  'Upgrade: h2c',
  ': empty',
  'no colon',
  ' folded',
]

type Mutation = (random: Random, bytes: Buffer) => Buffer

const insert = (bytes: Buffer, at: number, text: string): Buffer =>
  Buffer.concat([bytes.subarray(0, at), Buffer.from(text, 'latin1'), bytes.subarray(at)])

/** Begin and end of the lines of `bytes`; each end is behind its LF. */
function linesOf(bytes: Buffer): readonly (readonly [start: number, end: number])[] {
  const found: [number, number][] = []
  for (let start = 0; start < bytes.length; ) {
    const lf = bytes.indexOf(0x0a, start)
    const end = lf < 0 ? bytes.length : lf + 1
    found.push([start, end])
    start = end
  }
  return found
}

const mutations: readonly Mutation[] = [
  function flipBit(random, bytes) {
    const copy = Buffer.from(bytes)
    const at = random.below(copy.length)
    copy[at] = (copy[at] as number) ^ (1 << random.below(8))
    return copy
  },
  function putByte(random, bytes) {
    const copy = Buffer.from(bytes)
    copy[random.below(copy.length)] = random.below(256)
    return copy
  },
  function insertSeparator(random, bytes) {
    return insert(bytes, random.below(bytes.length + 1), random.pick(separators))
  },
  function insertBesideLineEnd(random, bytes) {
    const [, end] = random.pick(linesOf(bytes))
    return insert(bytes, Math.max(0, end - random.below(3)), random.pick(separators))
  },
  function insertBesideColon(random, bytes) {
    const colon = bytes.indexOf(':', random.below(bytes.length))
    return colon < 0 ? bytes : insert(bytes, colon + random.below(2), random.pick(separators))
  },
  function insertLine(random, bytes) {
    const [, end] = random.pick(linesOf(bytes))
    return insert(bytes, end, `${random.pick(lines)}\r\n`)
  },
  function repeatLine(random, bytes) {
    const [start, end] = random.pick(linesOf(bytes))
    return insert(bytes, end, bytes.toString('latin1', start, end))
  },
  function dropLine(random, bytes) {
    const [start, end] = random.pick(linesOf(bytes))
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
  },
  function swapCase(random, bytes) {
    const copy = Buffer.from(bytes)
    for (
      let left = 1 + random.below(6), at = random.below(copy.length);
      left > 0 && at < copy.length;
      left -= 1
    ) {
      const byte = copy[at] as number
      const lower = byte | 0x20
      if (lower >= 0x61 && lower <= 0x7a) copy[at] = byte ^ 0x20
      at += 1
    }
    return copy
  },
  function dropBytes(random, bytes) {
    const at = random.below(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))])
  },
  function cutShort(random, bytes) {
    return bytes.subarray(0, 1 + random.below(bytes.length))
  },
  function changeDigit(random, bytes) {
    const copy = Buffer.from(bytes)
    const from = random.below(copy.length)
    const at = copy.findIndex((byte, index) => index >= from && byte >= 0x30 && byte <= 0x39)
    if (at >= 0) copy[at] = 0x30 + random.below(10)
    return copy
  },
]

/** Changes `bytes`, which are not none, in one to three ways. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  let changed = bytes
  for (let left = random.pick([1, 1, 1, 2, 2, 3]); left > 0 && changed.length > 0; left -= 1) {
    changed = random.pick(mutations)(random, changed)
  }
  return changed.length > 0 ? changed : bytes
}

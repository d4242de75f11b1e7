import type { Random } from '../../../test/fuzz/random.ts'

/** A copy of a module with a fault or a few: bytes changed, and more seldom cut out, doubled, put in or cut off. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let mutated = new Uint8Array(bytes)
  for (let faults = 1 + random.below(4); faults > 0; faults -= 1)
    mutated = random.pick(mutations)(mutated, random)
  return mutated
}

type Mutation = (bytes: Uint8Array<ArrayBuffer>, random: Random) => Uint8Array<ArrayBuffer>

/** Bytes that mean much: ends, loops, calls, prefixes, long numbers, types that are refused. */
const telling = [
  0x00, 0x01, 0x03, 0x0b, 0x10, 0x1f, 0x24, 0x40, 0x63, 0x6e, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
]

const changeByte: Mutation = (bytes, random) => {
  if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(0x100)
  return bytes
}

const flipBit: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1)
  if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
  return bytes
}

const nudgeByte: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1)
  if (at < bytes.length) bytes[at] = (bytes[at] as number) + random.pick([-1, 1])
  return bytes
}

const putTelling: Mutation = (bytes, random) => {
  if (bytes.length > 0) bytes[random.below(bytes.length)] = random.pick(telling)
  return bytes
}

const cutOff: Mutation = (bytes, random) => bytes.slice(0, random.below(bytes.length + 1))

const cutOut: Mutation = (bytes, random) => {
  const from = random.below(bytes.length + 1)
  return joined(bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(8)))
}

const double: Mutation = (bytes, random) => {
  const from = random.below(bytes.length + 1)
  return joined(bytes.subarray(0, from + 1 + random.below(8)), bytes.subarray(from))
}

const putIn: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1)
  const put = Uint8Array.from({ length: 1 + random.below(4) }, () => random.below(0x100))
  return joined(bytes.subarray(0, at), put, bytes.subarray(at))
}

const mutations: readonly Mutation[] = [
  ...[changeByte, flipBit, flipBit, nudgeByte, nudgeByte, putTelling],
  ...[changeByte, flipBit, flipBit, nudgeByte, nudgeByte, putTelling],
  ...[cutOff, cutOut, double, putIn],
]

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts))
}

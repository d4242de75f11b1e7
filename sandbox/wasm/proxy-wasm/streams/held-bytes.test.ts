import { test } from 'tap'
import { HeldBytes } from './held-bytes.ts'

const most = 0x7fffffff

function spliced(before: string, start: number, length: number, data: string): string {
  const held = new HeldBytes()
  held.append(Buffer.from(before))
  held.splice(start, length, Buffer.from(data))
  return Buffer.from(held.view).toString()
}

test('bytes are put before, behind, in the place of all, or of some', (t) => {
  t.equal(spliced('B', 0, 0, 'A'), 'AB')
  t.equal(spliced('B', 0, most, 'A'), 'A')
  t.equal(spliced('B', most, 0, 'A'), 'BA')
  t.equal(spliced('B', 0, 1, ''), '')
  t.equal(spliced('HelloWorld', 5, most, 'Wasm'), 'HelloWasm')
  t.equal(spliced('HelloWorld', 5, 3, 'Wasm'), 'HelloWasmld')
  t.equal(spliced('', 12, 0, 'LAST'), 'LAST')
  t.end()
})

test('what is borrowed is kept only when somebody asks for it, and pieces stay in order', (t) => {
  const held = new HeldBytes()
  const piece = Buffer.from('abcd')
  held.append(piece)
  held.keep()
  piece.fill(0)
  held.append(Buffer.from('efgh'))
  held.append(new Uint8Array(0))
  held.append(Buffer.from('i'))
  t.equal(held.length, 9)
  t.equal(Buffer.from(held.take()).toString(), 'abcdefghi')
  t.equal(held.length, 0)
  t.end()
})

import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { lineSink } from './line-sink.ts'

test('a full pipe drops lines, keeps the others whole, and says how many are missing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pillion-sink-'))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  t.teardown(() => {
    closeSync(reader)
    closeSync(writer)
    rmSync(folder, { recursive: true })
  })
  const write = lineSink(writer, (count) => `dropped ${count}`)
  const line = 'x'.repeat(7_000)
  for (let index = 0; index < 50; index += 1) write(`${index} ${line}`)
  let text = drain(reader)
  write('after')
  text += drain(reader)
  const lines = text.trimEnd().split('\n')
  t.equal(lines.at(-1), 'after')
  const dropped = Number(/^dropped (\d+)$/.exec(lines.at(-2) ?? '')?.[1])
  t.equal(dropped + lines.length - 2, 50)
  lines.slice(0, -2).forEach((whole, index) => {
    t.equal(whole, `${index} ${line}`)
  })
})

function drain(fd: number): string {
  const buffer = Buffer.alloc(65_536)
  let text = ''
  for (;;) {
    try {
      const length = readSync(fd, buffer)
      if (length === 0) return text
      text += buffer.toString('utf8', 0, length)
    } catch {
      return text
    }
  }
}

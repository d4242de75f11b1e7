import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { runProgram } from '../test/support/program.ts'

const good = `
inbound:
  - name: shop
    listen: 127.0.0.1:0
    application: 127.0.0.1:8081
outbound:
  listen: 127.0.0.1:0
  services:
    - name: stock
      endpoints: [127.0.0.1:9001, 127.0.0.1:9002]
`

async function file(t: Test, text: string | Uint8Array, name = 'sidecar.yaml'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-validate-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

test('a good config is one line that says what was found, and exit code 0', async (t) => {
  const path = await file(t, good)
  const { code, errors, output } = await runProgram(['validate', '-c', path])
  t.strictSame({ code, errors }, { code: 0, errors: [] })
  t.equal(output.length, 1)
  t.match(output[0], /: 2 listeners, 2 ports, 2 services, 2 routes, 2 clusters, 3 endpoints, 0 plugins$/)
})

test('what was found can be had as JSON', async (t) => {
  const path = await file(t, good)
  const { code, output } = await runProgram(['validate', '-c', path, '-o', 'json'])
  t.equal(code, 0)
  t.match(JSON.parse(output.join('\n')), { ok: true, found: { listener: 2, endpoint: 3 }, warnings: [] })
})

test('every fault is one line with its place, and exit code 1', async (t) => {
  const path = await file(t, good.replace('listen: 127.0.0.1:0', 'listn: 127.0.0.1:0').replace('9002', 'x'))
  const { code, errors, output } = await runProgram(['validate', '-c', path])
  t.equal(code, 1)
  t.strictSame(output, [])
  t.ok(errors.length >= 2)
  for (const line of errors) t.match(line, /sidecar\.yaml:\d+:\d+: /)
})

test('faults can be had as JSON', async (t) => {
  const path = await file(t, 'workers: many\n')
  const { code, output } = await runProgram(['validate', '-c', path, '-o', 'json'])
  t.equal(code, 1)
  t.match(JSON.parse(output.join('\n')), { ok: false, faults: [{ file: path, line: 1 }] })
})

test('files that are missing, folders, unreadable or no text at all are one line and exit code 1', async (t) => {
  const unreadable = await file(t, good)
  await chmod(unreadable, 0)
  const paths = [
    join(tmpdir(), 'no-such-file.yaml'),
    tmpdir(),
    await file(t, new Uint8Array([0xff, 0xfe, 0, 1])),
    await file(t, new Uint8Array([0x1f, 0x8b, 8, 0]), 'config.json.gz'),
    await file(t, '{"Inbound": ', 'config.json'),
    await file(t, '[]'),
    // Root may read anything.
    ...(process.getuid?.() === 0 ? [] : [unreadable]),
  ]
  for (const path of paths) {
    const { code, errors, output } = await runProgram(['validate', '-c', path])
    t.strictSame({ code, output, lines: errors.length }, { code: 1, output: [], lines: 1 }, path)
    t.ok(errors[0]?.startsWith(path), errors.join())
  }
})

test('each wrong value of a flag is told with the flag, and exit code 1', async (t) => {
  const path = await file(t, good)
  const wrong = {
    '--inbound': 'nowhere',
    '--outbound': '127.0.0.1:70000',
    '--original-destination': 'heder',
    '--original-destination-from': '10.0.0.0/33',
    '--labels': 'nonsense',
    '--admin': 'x',
    '--metrics': '1.2.3.4',
    '--workers': '0',
    '--log-level': 'loud',
  }
  const { code, errors, output } = await runProgram(['validate', '-c', path, ...Object.entries(wrong).flat()])
  t.strictSame({ code, output }, { code: 1, output: [] })
  for (const flag of Object.keys(wrong)) {
    t.ok(
      errors.some((line) => line.startsWith(`${flag}: `)),
      `${flag} is told`,
    )
  }
})

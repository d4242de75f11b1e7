import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { runProgram, startProgram } from '../test/support/program.ts'

const config = `
admin: 127.0.0.1:0
metrics: off
workers: 2
inbound:
  - { name: app, listen: '127.0.0.1:0', application: '127.0.0.1:1' }
outbound:
  listen: 127.0.0.1:0
  services: [{ name: other, endpoints: ['127.0.0.1:1'] }]
`

async function configFile(t: Test, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pillion-refused-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'sidecar.yaml')
  await writeFile(file, text)
  return file
}

test('ports that are in use are one line each with the listener, and exit code 1', async (t) => {
  const file = await configFile(t, config)
  const other = createTcpServer().listen({ port: 0, host: '127.0.0.1', reusePort: true })
  await once(other, 'listening')
  const taken = `127.0.0.1:${(other.address() as { port: number }).port}`
  for (const flag of ['inbound', 'outbound', 'admin', 'metrics']) {
    const { code, errors, output } = await runProgram(['run', '-c', file, `--${flag}`, taken])
    t.strictSame({ code, output, lines: errors.length }, { code: 1, output: [], lines: 1 }, flag)
    t.match(errors[0], new RegExp(`${flag}.*in use|in use.*${flag}`))
    t.match(errors[0], taken)
  }
  other.close()
})

test('a second sidecar cannot share the ports of the first unnoticed', async (t) => {
  const file = await configFile(t, config)
  await using first = startProgram(['run', '-c', file])
  const { port } = await first.logged(/^inbound listens on /)
  const again = await runProgram(['run', '-c', file, '--inbound', `127.0.0.1:${port}`])
  t.equal(again.code, 1)
  t.match(again.errors, [/inbound listener .*in use/])
})

test('wrong configs, flags and files are lines without a stack, and exit code 1', async (t) => {
  const file = await configFile(t, 'inbound: 5\nworkers: -1\n')
  const cases = [
    { args: ['-c', file], lines: 2 },
    { args: ['-c', join(tmpdir(), 'no-such-file.yaml')], lines: 1 },
    { args: ['-c', tmpdir()], lines: 1 },
    { args: ['-c', file, '--log-level', 'loud'], lines: 3 },
  ]
  for (const { args, lines } of cases) {
    const { code, errors, output } = await runProgram(['run', ...args])
    t.strictSame({ code, output, lines: errors.length }, { code: 1, output: [], lines }, args.join(' '))
    t.notMatch(errors.join('\n'), /^\s+at /m)
  }
})

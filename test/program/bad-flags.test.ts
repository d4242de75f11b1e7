import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'tap'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { type Folder, newFolder, runSidecar } from '../support/process.ts'
import { assertRefused } from '../support/refused.ts'

const config = `
admin: 127.0.0.1:0
metrics: 127.0.0.1:0
inbound: [{ name: app, listen: '127.0.0.1:0', application: '127.0.0.1:1' }]
outbound: { listen: '127.0.0.1:0', services: [{ name: other, endpoints: ['127.0.0.1:1'] }] }
`
const goodFile = (folder: Folder): Promise<string> => folder.write('sidecar.yaml', config)

test('what is no flag, or has no value, is wrong usage: one line, and exit code 2', async (t) => {
  const cases = [
    [
      ['run', '--admn', 'off'],
      'pillion run: unknown option --admn; did you mean --admin? (see pillion run --help)',
    ],
    [['validate', '-c'], 'pillion validate: -c needs a value: -c FILE (see pillion validate --help)'],
    [
      ['run', '--namespace', ''],
      'pillion run: --namespace needs a value: --namespace NAME (see pillion run --help)',
    ],
  ] as const
  for (const [args, line] of cases) await assertRefused(t, args, [line], { code: 2 })
})

test('all wrong values of flags are told at once, each with its flag', async (t) => {
  await using folder = await newFolder()
  const file = await goodFile(folder)
  const address = 'expected host:port, such as 127.0.0.1:8080'
  const wrong = [
    ['--original-destination', 'redirect', 'expected listener, header or proxy-protocol'],
    ['--original-destination-from', '10.0.0.0/33', 'expected an IP address or a range such as 10.0.0.0/8'],
    ['--labels', 'app', 'expected labels such as app=curl,version=v1'],
    ['--admin', '127.0.0.1', address],
    ['--metrics', 'on', address],
    ['--workers', '1.5', 'expected a whole number from 1 to 256, or auto'],
    ['--log-level', 'inf', 'expected debug, info, warn or error; did you mean info?'],
  ] as const
  const args = wrong.map(([flag, value]) => `${flag}=${value}`)
  const lines = wrong.map(
    ([flag, value, reason]) => new RegExp(`^${flag}: is "${value}": ${reason.replace('?', '\\?')}`),
  )
  await assertRefused(t, ['run', '-c', file, ...args], lines)
})

test('an address to listen on that is none is one line for each', async (t) => {
  await using folder = await newFolder()
  const file = await goodFile(folder)
  await assertRefused(
    t,
    ['run', '-c', file, '--inbound', 'nowhere', '--outbound', '127.0.0.1:70000'],
    [
      /^--inbound: is "nowhere": expected host:port/,
      /^--outbound: is "127\.0\.0\.1:70000": expected host:port/,
    ],
  )
})

test('faults of flags and of the file are told together', async (t) => {
  await using folder = await newFolder()
  const file = await folder.write('sidecar.yaml', 'workers: -1\nlogLevel: loud\n')
  await assertRefused(
    t,
    ['run', '-c', file, '--workers', '0', '--admin', 'here'],
    [
      /^--admin: is "here": /,
      /^--workers: is "0": /,
      /sidecar\.yaml:1:10: workers: is -1: /,
      /sidecar\.yaml:2:11: logLevel: is "loud": /,
    ],
  )
})

test('a port that another program has is refused by a single worker, too', async (t) => {
  await using _left = assertNothingLeft(t)
  await using folder = await newFolder()
  const file = await goodFile(folder)
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const taken = `127.0.0.1:${(other.address() as AddressInfo).port}`
  const line = `inbound listener ${taken}: the address is already in use`
  await assertRefused(t, ['run', '-c', file, '--inbound', taken], [line])
  await new Promise((resolve) => other.close(resolve))
})

test('a second sidecar on the ports of the first is refused, also where threads share ports', async (t) => {
  await using _left = assertNothingLeft(t)
  await using folder = await newFolder()
  const file = await goodFile(folder)
  await using running = await runSidecar(config, { args: ['--workers', '2'] })
  const outbound = `127.0.0.1:${running.outbound[0]}`
  const args = ['run', '-c', file, '--workers', '2', '--outbound', outbound]
  await assertRefused(t, args, [new RegExp(`^outbound listener ${outbound}: the address is already in use`)])
})

test('addresses that this machine does not have, or that need a privilege, are told', async (t) => {
  await using _left = assertNothingLeft(t)
  await using folder = await newFolder()
  const file = await goodFile(folder)
  // RFC 5737: documentation, and so nobody's
  for (const flag of ['inbound', 'outbound', 'admin', 'metrics']) {
    await assertRefused(
      t,
      ['run', '-c', file, `--${flag}`, '192.0.2.1:0'],
      [
        new RegExp(
          `192\\.0\\.2\\.1:0.*${flag}.*(not one of this machine|no such address|not have that address)`,
        ),
      ],
    )
  }
  if (process.getuid?.() === 0) return
  await assertRefused(
    t,
    ['run', '-c', file, '--inbound', '127.0.0.1:1'],
    [/127\.0\.0\.1:1\b.*(permission|not allowed)/],
  )
})

test('an access log that cannot be opened is told', async (t) => {
  await using folder = await newFolder()
  const file = await goodFile(folder)
  for (const path of [folder.path, `${folder.path}/no/such/folder/log`]) {
    await assertRefused(
      t,
      ['run', '-c', file, '--workers', '2', '--access-log', path],
      [new RegExp(`^cannot open the access log ${path}: `)],
    )
  }
})

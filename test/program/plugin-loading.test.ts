import { test } from 'tap'
import { Application } from '../support/application.ts'
import { ask } from '../support/ask.ts'
import { eventually } from '../support/nothing-left.ts'
import { first, newFolder, runSidecar } from '../support/process.ts'
import { runProgram } from '../support/program.ts'

const configOf = ({ address }: Application): string => `
workers: 2
inbound:
  - { name: app, listen: '127.0.0.1:0', application: '${address}' }
`

/** Says what it got of what plugins put there. */
const startApplication = () =>
  Application.start('app', ({ headers, path }, response) => {
    response.end(`${headers['x-mark'] ?? '-'} ${path}`)
  })

const pipyMark = (mark: string): string => `// pillion: chain=inbound-http version=${mark}
pipy()
  .pipeline()
  .handleMessageStart(msg => msg.head.headers['x-mark'] = '${mark}')
  .chain()
`

test('validate loads plugins too, and names every fault', async (t) => {
  await using application = await startApplication()
  await using folder = await newFolder()
  const config = await folder.write('sidecar.yaml', configOf(application))
  const good = await folder.write('good.js', pipyMark('one'))
  const bad = await folder.write('bad.js', '// pillion: chain=inbound-http\n\npipy().pipeline().nonsense()\n')
  const worse = await folder.write(
    'worse.js',
    '// pillion: chain=inbound-http\nexport default { onRequest: 7 }\n',
  )
  const well = await runProgram(['validate', '-c', config, '-f', good])
  t.strictSame([well.code, well.errors], [0, []])
  const refused = await runProgram(['validate', '-c', config, '-f', good, '-f', bad, '-f', worse])
  t.equal(refused.code, 1)
  t.equal(refused.errors.length, 2)
  t.match(refused.errors[0], /bad\.js:3:\d+: Plugin bad: .*nonsense/)
  t.match(refused.errors[1], /worse\.js.*: Plugin worse: /)
})

test('reloads under load fail no request of a plugin, and free what was loaded', async (t) => {
  await using application = await startApplication()
  await using folder = await newFolder()
  const mark = await folder.write('mark.js', pipyMark('0'))
  await using sidecar = await runSidecar(configOf(application), { args: ['-f', mark] })
  const port = first(sidecar.inbound)
  let isOver = false
  const seen = new Set<string>()
  const failures: string[] = []
  const client = async () => {
    while (!isOver) {
      const { status, text } = await ask(port).catch((error: Error) => ({ status: 0, text: error.message }))
      if (status === 200) seen.add(text.split(' ')[0] ?? '')
      else failures.push(`${status} ${text}`)
    }
  }
  const clients = [client(), client(), client(), client()]
  for (let version = 1; version <= 10; version += 1) {
    await folder.write('mark.js', pipyMark(String(version)))
    await sidecar.program.logged(new RegExp(`^generation ${version + 1} serves$`))
    await eventually(() => seen.has(String(version)), 'the new version answers')
  }
  isOver = true
  await Promise.all(clients)
  t.strictSame(failures, [])
  const scraped = await sidecar.scrape()
  const heaps = scraped.all('pillion_plugin_heap_bytes', { plugin: 'mark' })
  t.strictSame(
    heaps.filter(({ value }) => value > 0).map(({ labels }) => labels.version),
    ['10'],
    'the heaps of the old ones are given back',
  )
})

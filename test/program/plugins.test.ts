import { test } from 'tap'
import type { PluginStatus } from '../../sandbox/plugin/status.ts'
import { Application } from '../support/application.ts'
import { ask } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { first, newFolder, runSidecar, type SidecarProcess } from '../support/process.ts'

const configOf = ({ address }: Application): string => `
workers: 2
inbound:
  - { name: app, listen: '127.0.0.1:0', application: '${address}' }
`

/** Says what it got of what plugins put there. */
const startApplication = () =>
  Application.start('app', ({ headers, path, body }, response) => {
    response.end(`${headers['x-mark'] ?? '-'} ${path} ${body}`)
  })

/** Sets a header both ways, in PipyJS. */
const pipyMark = (mark: string, more = ''): string => `// pillion: chain=inbound-http version=${mark} ${more}
pipy()
  .pipeline()
  .handleMessageStart(msg => msg.head.headers['x-mark'] = '${mark}')
  .chain()
  .handleMessageStart(msg => msg.head.headers['x-marked'] = '${mark}')
`

/** Throws for /bad, loops for /loop, in JavaScript. */
const troubles = (): string => `// pillion: chain=inbound-http priority=200
export default {
  onRequest({ path }) {
    if (path === '/bad') throw new Error('on purpose')
    while (path === '/loop');
  },
}
`

const plugins = async (sidecar: SidecarProcess) => (await sidecar.show('/plugins')) as readonly PluginStatus[]

test('plugins of both languages stand in the chain, and are shown with what they do', async (t) => {
  await using _left = assertNothingLeft(t)
  await using application = await startApplication()
  await using folder = await newFolder()
  const mark = await folder.write('mark.js', pipyMark('one'))
  const trouble = await folder.write('trouble.js', troubles())
  await using sidecar = await runSidecar(configOf(application), { args: ['-f', mark, '-f', trouble] })
  const port = first(sidecar.inbound)
  for (let index = 0; index < 10; index += 1) {
    const { status, headers, text } = await ask(port, '/x', { method: 'POST', body: 'hello' })
    t.strictSame([status, headers['x-marked'], text], [200, 'one', 'one /x hello'])
  }
  t.match(await ask(port, '/bad'), { status: 503, text: 'PLUGIN_THREW\n' })
  t.match(await ask(port, '/loop'), { status: 503, text: 'PLUGIN_OVER_LIMIT\n' })
  t.match(await ask(port, '/x'), { status: 200 })
  const found = await plugins(sidecar)
  t.match(
    found.find(({ name }) => name === 'mark'),
    { version: 'one', language: 'pipyjs', chains: ['inbound-http'], state: 'running', calls: 22, errors: 0 },
  )
  t.match(
    found.find(({ name }) => name === 'trouble'),
    { language: 'javascript', priority: 200, mode: 'enforce', onError: 'close', errors: 2, fault: /trouble/ },
  )
  const chains = (await sidecar.show('/chains')) as Record<
    string,
    readonly { name: string; version: string | null }[]
  >
  t.match(chains['inbound-http']?.[0], { name: 'plugins/trouble.js', version: String, mode: 'enforce' })
  const table = await ask(sidecar.admin, '/plugins', { headers: { accept: 'text/plain' } })
  t.match(table.text, /^name +version +language +role +priority/)
  const scraped = await sidecar.scrape()
  t.equal(
    scraped.sum('pillion_plugin_calls_total', { plugin: 'mark', version: 'one', chain: 'inbound-http' }),
    22,
  )
  t.equal(scraped.sum('pillion_plugin_errors_total', { plugin: 'trouble', kind: 'exception' }), 1)
  t.equal(scraped.sum('pillion_plugin_errors_total', { plugin: 'trouble', kind: 'timeout' }), 1)
  t.equal(scraped.sum('pillion_plugin_exchanges_failed_total', { plugin: 'trouble', outcome: 'closed' }), 2)
  t.ok(scraped.sum('pillion_plugin_heap_bytes', { plugin: 'mark' }) > 0)
  t.ok(scraped.sum('pillion_plugin_cpu_seconds_total', { plugin: 'mark' }) > 0)
  t.ok(
    sidecar.program
      .log()
      .some(({ message, kind }) => message === 'plugin trouble failed' && kind === 'exception'),
  )
  t.equal(await sidecar.stop(), 0)
})

test('an edit of a plugin is brought into service, and one that is faulty is refused with its place', async (t) => {
  await using application = await startApplication()
  await using folder = await newFolder()
  const mark = await folder.write('mark.js', pipyMark('one'))
  await using sidecar = await runSidecar(configOf(application), { args: ['-f', mark] })
  const port = first(sidecar.inbound)
  t.equal((await ask(port)).text, 'one / ')
  await folder.write('mark.js', pipyMark('two'))
  await sidecar.program.logged(/^generation 2 serves$/)
  t.equal((await ask(port)).text, 'two / ')
  await folder.write('mark.js', `${pipyMark('three')}\n.nonsense()\n`)
  const { message } = await sidecar.program.logged(/^config refused/)
  t.match(message, /mark\.js:\d+:\d+: .*nonsense/)
  t.equal((await ask(port)).text, 'two / ')
  await folder.write('mark.js', pipyMark('four'))
  await sidecar.program.logged(/^generation \d serves$/, 2)
  t.equal((await ask(port)).text, 'four / ')
})

test('a script that cannot be compiled does not keep the sidecar from starting, but later it is refused', async (t) => {
  await using application = await startApplication()
  await using folder = await newFolder()
  const start = 'export default { onRequest() {} }\n'
  const shut = await folder.write('shut.js', `// pillion: chain=inbound-http\n${start}let x = ;\nlet y = ;\n`)
  const free = `// pillion: chain=inbound-tcp on-error=open\nimport { x } from 'no-such-package'\n${start}x()\n`
  const open = await folder.write('open.js', free)
  await using sidecar = await runSidecar(configOf(application), { args: ['-f', shut, '-f', open] })
  const { level } = await sidecar.program.logged(/shut\.js:3:9: plugin shut: .*onError: close$/)
  t.equal(level, 'error')
  await sidecar.program.logged(/open\.js:2:\d+: plugin open: .*no-such-package.*onError: open$/)
  t.match(await ask(first(sidecar.inbound)), { status: 503, text: 'PLUGIN_THREW\n' })
  t.match(await plugins(sidecar), [
    { name: 'open', state: 'failed', fault: /no-such-package/ },
    { name: 'shut', state: 'failed', fault: /shut\.js:3:9/, errors: 1 },
  ])
  await folder.write(
    'shut.js',
    `// pillion: chain=inbound-http\nexport default { onRequest() { return {status: 204} } }\n`,
  )
  await sidecar.program.logged(/^generation 2 serves$/)
  t.equal((await ask(first(sidecar.inbound))).status, 204, 'one is mended, the other may stay as it is')
  await folder.write('shut.js', `// pillion: chain=inbound-http\nexport default {\n`)
  const { reasons } = await sidecar.program.logged(/^config refused/)
  t.match(reasons, [/shut\.js:\d+:\d+: /])
  t.equal((await ask(first(sidecar.inbound))).status, 204)
})

test('a faulty plugin at the start is stood in for by onError, shown, and mended by an edit', async (t) => {
  await using application = await startApplication()
  await using folder = await newFolder()
  const shut = await folder.write('shut.js', `// pillion: chain=inbound-http\npipy().nonsense()\n`)
  await using sidecar = await runSidecar(configOf(application), { args: ['-f', shut] })
  const port = first(sidecar.inbound)
  t.match(await ask(port), { status: 503, text: 'PLUGIN_THREW\n' })
  const { message } = await sidecar.program.logged(/shut\.js:2:\d+: plugin shut: .*onError: close/)
  t.match(message, /nonsense/)
  t.match(await plugins(sidecar), [{ name: 'shut', state: 'failed', fault: /shut\.js:2:\d+/ }])
  await folder.write('shut.js', `// pillion: chain=inbound-http on-error=open\npipy().nonsense()\n`)
  await sidecar.program.logged(/^config refused/)
  await folder.write('shut.js', pipyMark('well'))
  await sidecar.program.logged(/^generation \d serves$/, 1)
  t.equal((await ask(port)).text, 'well / ')
})

import { test } from 'tap'
import { Application } from '../support/application.ts'
import { ask } from '../support/ask.ts'
import { first, newFolder, runSidecar } from '../support/process.ts'

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
const troubles = (more = ''): string => `// pillion: chain=inbound-http priority=200 ${more}
export default {
  onRequest({ path }) {
    if (path === '/bad') throw new Error('on purpose')
    while (path === '/loop');
  },
}
`

test('onError: open goes on without the plugin, body and all', async (t) => {
  await using application = await startApplication()
  await using folder = await newFolder()
  const trouble = await folder.write('trouble.js', troubles('on-error=open'))
  const mark = await folder.write('mark.js', pipyMark('one'))
  await using sidecar = await runSidecar(configOf(application), { args: ['-f', trouble, '-f', mark] })
  const port = first(sidecar.inbound)
  const body = 'a body. '.repeat(1_000)
  for (const path of ['/bad', '/loop', '/fine']) {
    t.equal((await ask(port, path, { method: 'POST', body })).text, `one ${path} ${body}`)
  }
  const scraped = await sidecar.scrape()
  t.equal(scraped.sum('pillion_plugin_exchanges_failed_total', { plugin: 'trouble', outcome: 'open' }), 2)
})

test('a plugin in shadow mode changes nothing, and what it would have done is counted', async (t) => {
  await using application = await startApplication()
  await using folder = await newFolder()
  const shadow = await folder.write('shadow.js', pipyMark('shadow', 'mode=shadow'))
  const answers = await folder.write(
    'answers.js',
    `// pillion: chain=inbound-http mode=shadow
export default { onRequest: ({ path }) => (path === '/no' ? { status: 403 } : undefined) }`,
  )
  await using sidecar = await runSidecar(configOf(application), { args: ['-f', shadow, '-f', answers] })
  const port = first(sidecar.inbound)
  for (const path of ['/yes', '/no']) {
    const { status, headers, text } = await ask(port, path, { method: 'POST', body: 'hello' })
    t.strictSame([status, headers['x-marked'], text], [200, undefined, `- ${path} hello`])
  }
  const verdicts = async (plugin: string) =>
    Object.fromEntries(
      (await sidecar.scrape())
        .all('pillion_plugin_shadow_verdicts_total', { plugin })
        .map(({ labels, value }) => [labels.verdict, value]),
    )
  t.strictSame(await verdicts('shadow'), { changed: 2 })
  t.strictSame(await verdicts('answers'), { passed: 1, answered_4xx: 1 })
  const chains = (await sidecar.show('/chains')) as Record<string, readonly { name: string; mode: string }[]>
  t.equal(chains['inbound-http']?.find(({ name }) => name === 'plugins/shadow.js')?.mode, 'shadow')
})

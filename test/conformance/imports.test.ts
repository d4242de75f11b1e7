import { test } from 'tap'
import { Application } from '../support/application.ts'
import { keptConnections } from '../support/ask.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { startPod } from './pod.ts'

/** Publishes a variable, which it sets on the way in and shows on the way back. */
const publisher = `
pipy()
.export('marks', { __mark: 'initial', __other: 0 })
.pipeline()
.handleMessageStart(() => __mark += ' published')
.chain()
.handleMessageStart(msg => msg.head.headers['x-at-publisher'] = __mark)`

/** Shows what it finds in that variable, and writes it. */
const reader = `
pipy()
.import({ __mark: 'marks' })
.pipeline()
.handleMessageStart(() => __mark += ' read')
.chain()
.handleMessageStart(msg => msg.head.headers['x-at-' + __filename.slice(9, -3)] = __mark)`

test('1: a variable is imported from a module before, and from one behind in the chain', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop')
  await using pod = await startPod({
    direction: 'inbound',
    services: { shop: { address: app.address } },
    mounted: { early: 168, publisher: 165, late: 115 },
    files: { 'early.js': reader, 'publisher.js': publisher, 'late.js': reader },
  })
  using agent = keptConnections()
  const whole = 'initial read published read'
  for (let count = 0; count < 2; count += 1) {
    const { headers, text } = await pod.ask('shop', '/', { agent })
    t.equal(text, 'shop')
    t.match(headers, { 'x-at-early': whole, 'x-at-publisher': whole, 'x-at-late': whole })
  }
  await pod.assertIdle(t)
})

test('1: an unknown import is reported with plugin and variable, and stops only that plugin', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop')
  const wrong = `// pillion: on-error=open\npipy().import({ __nothing: 'inbound-http-routing' }).pipeline().chain()`
  await using pod = await startPod({
    direction: 'inbound',
    services: { shop: { address: app.address } },
    mounted: { wrong: 165, publisher: 115 },
    files: { 'wrong.js': wrong, 'publisher.js': publisher },
  })
  const { headers, text } = await pod.ask('shop')
  t.equal(text, 'shop')
  t.equal(headers['x-at-publisher'], 'initial published')
  const fault = /wrong\.js:2:\d+: .*cannot import variable __nothing/
  t.match(await pod.plugin('wrong'), { state: 'failed', fault })
  t.match(await pod.plugin('publisher'), { state: 'running' })
  const line = await pod.sidecar.program.logged(/plugin wrong: .*__nothing/)
  t.match(line.message, fault)
  await pod.assertIdle(t)
})

test('1: every variable that FSM documents can be imported, also those that it exports no more', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop')
  const all = `
pipy()
.import({ __plugins: 'inbound', __protocol: 'inbound', __port: 'inbound', __target: 'inbound' })
.import({ __isHTTP2: 'inbound', __isIngress: 'inbound' })
.import({ __service: 'inbound-http-routing', __route: 'inbound-http-routing', __cluster: 'inbound-http-routing' })
.pipeline()
.chain()
.handleMessageStart(msg => msg.head.headers['x-all'] = [
  __protocol, __port?.Port, __service?.name, __cluster?.name, __isHTTP2, __isIngress, __route?.Path, __target,
  __plugins === __service.Plugins,
].join())`
  await using pod = await startPod({
    direction: 'inbound',
    services: { shop: { address: app.address, plugins: { all: {} } } },
    mounted: { all: 115 },
    files: { 'all.js': all },
  })
  const { headers, text } = await pod.ask('shop')
  t.equal(text, 'shop')
  t.equal(headers['x-all'], `http,9000,shop.demo,demo/shop|9000|local,false,false,.*,${app.address},true`)
  t.match(await pod.plugin('all'), { state: 'running', errors: 0 })
  await pod.assertIdle(t)
})

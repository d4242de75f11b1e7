import { once } from 'node:events'
import { test } from 'tap'
import { Application } from '../support/application.ts'
import { keptConnections } from '../support/ask.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { rawClient } from '../support/raw.ts'
import { type Pod, startOne } from './pod.ts'

const identity = `
((
  config = pipy.solve('config.js'),
  seen = new algo.Cache(() => ({ count: 0 })),
) => pipy({ _name: '', _mine: null })
.import({ __service: 'inbound-http-routing' })
.pipeline()
.onStart(() => void (
  _name = __filename.slice(9, -3),
  _mine = __service.Plugins[_name]
))
.chain()
.handleMessageStart(msg => Object.assign(msg.head.headers, {
  'x-name': _name,
  'x-word': _mine.word,
  'x-times': ++seen.get(_mine).count,
  'x-same': config === pipy.solve('config.js'),
  'x-part': config.Inbound.TrafficMatches[8080].HttpServiceRouteRules['shop.demo'].Plugins[_name].word,
}))
)()`

test('4: a plugin knows its name, and its config is one object until the next push', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop')
  await using pod = await startOne(app.address, identity)
  const shown = async (agent?: ReturnType<typeof keptConnections>) => {
    const { headers } = await pod.ask('shop', '/', agent ? { agent } : {})
    return ['name', 'word', 'times', 'same', 'part'].map((name) => headers[`x-${name}`])
  }
  t.strictSame(await shown(), ['my-plugin', 'one', '1', 'true', 'one'])
  t.strictSame(await shown(), ['my-plugin', 'one', '2', 'true', 'one'])
  using agent = keptConnections()
  t.strictSame(await shown(agent), ['my-plugin', 'one', '3', 'true', 'one'])
  t.strictSame(await shown(agent), ['my-plugin', 'one', '4', 'true', 'one'])
  await pod.rewrite({
    services: { shop: { address: app.address, plugins: { 'my-plugin': { word: 'two' } } } },
  })
  await pod.sidecar.program.logged(/^generation 2 serves/)
  t.strictSame(await shown(), ['my-plugin', 'two', '1', 'true', 'two'])
  await pod.assertIdle(t)
})

const noting = `
pipy({ _path: '' })
.import({ __service: 'inbound-http-routing', __cluster: 'inbound-http-routing' })
.pipeline()
.onStart(() => console.log('began at ' + __service?.name + ' by ' + __cluster?.name))
.onEnd(() => console.log('ended ' + _path))
.handleMessageStart(msg => _path = msg.head.path)
.chain()`

/** How often the plugin has said so. */
const said = (pod: Pod, text: string) =>
  pod.sidecar.program.log().filter(({ message }) => String(message).includes(text)).length

test('5: onStart sees the service, and onEnd runs once, also when the client leaves', async (t) => {
  await using _left = assertNothingLeft(t)
  const gate = new EventTarget()
  await using app = await Application.start('shop', async ({ path }, response) => {
    if (path !== '/slow') return void response.end('shop')
    await once(gate, 'open')
    response.end('too late')
  })
  await using pod = await startOne(app.address, noting)
  await pod.ask('shop', '/well')
  const began = 'began at shop.demo by demo/shop|9000|local'
  await eventually(() => said(pod, 'ended /well') === 1, 'the first has ended')
  t.equal(said(pod, began), 1)
  const head = Object.entries(pod.headersFor('shop')).map(([name, value]) => `${name}: ${value}\r\n`)
  for (const request of [
    `GET /slow HTTP/1.1\r\n${head.join('')}\r\n`,
    `POST /half HTTP/1.1\r\n${head.join('')}content-length: 100\r\n\r\nhalf`,
  ]) {
    const before = said(pod, 'began')
    await using client = await rawClient(pod.port)
    client.send(request)
    await eventually(() => said(pod, 'began') === before + 1, 'it has begun')
    // a plain end behind a whole request could be a client that still reads
    client.socket.resetAndDestroy()
  }
  await eventually(() => said(pod, 'ended /slow') > 0 && said(pod, 'ended /half') > 0, 'both have ended')
  gate.dispatchEvent(new Event('open'))
  await pod.ask('shop', '/last')
  await eventually(() => said(pod, 'ended /last') === 1, 'the last has ended')
  for (const path of ['/well', '/slow', '/half', '/last']) t.equal(said(pod, `ended ${path}`), 1, path)
  t.equal(said(pod, began), 4)
  await pod.assertIdle(t)
})

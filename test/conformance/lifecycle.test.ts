import { once } from 'node:events'
import { type Test, test } from 'tap'
import { Application } from '../support/application.ts'
import { ask, keptConnections } from '../support/ask.ts'
import { assertNothingLeft, eventually } from '../support/nothing-left.ts'
import { rawClient } from '../support/raw.ts'
import { type Pod, type PodOptions, startPod } from './pod.ts'

/** A pod of one service and one plugin, which stands before load balancing. */
function startWith(app: Application, script: string, more: Partial<PodOptions> = {}): Promise<Pod> {
  return startPod({
    direction: 'inbound',
    services: { shop: { address: app.address, plugins: { 'my-plugin': { word: 'one' } } } },
    mounted: { 'my-plugin': 115 },
    files: { 'my-plugin.js': script },
    ...more,
  })
}

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
  await using pod = await startWith(app, identity)
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
  await using pod = await startWith(app, noting)
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
    {
      await using client = await rawClient(pod.port)
      client.send(request)
      await eventually(() => said(pod, 'began') === before + 1, 'it has begun')
    }
  }
  await eventually(() => said(pod, 'ended /slow') > 0 && said(pod, 'ended /half') > 0, 'both have ended')
  gate.dispatchEvent(new Event('open'))
  await pod.ask('shop', '/last')
  await eventually(() => said(pod, 'ended /last') === 1, 'the last has ended')
  for (const path of ['/well', '/slow', '/half', '/last']) t.equal(said(pod, `ended ${path}`), 1, path)
  t.equal(said(pod, began), 4)
  await pod.assertIdle(t)
})

const leaking = `
pipy({ _path: '', _found: '' })
.pipeline()
.handleMessageStart(msg => {
  _path = msg.head.path
  if (_path === '/leak') leaked = 'a secret'
  try { _found = String(leaked) } catch (error) { _found = error.message }
})
.chain()
.handleMessageStart(msg => msg.head.headers['x-found'] = _found)`

test('6: an assignment to a name that is not declared throws, and leaves no global behind', async (t) => {
  await using _left = assertNothingLeft(t)
  await using app = await Application.start('shop')
  await using pod = await startWith(app, leaking)
  t.match(await pod.ask('shop', '/leak'), { status: 503, text: 'PLUGIN_THREW\n' })
  const fault = /my-plugin\.js:\d+:\d+.*leaked/
  t.match(await pod.plugin('my-plugin'), { errors: 1, fault })
  const { headers, text } = await pod.ask('shop', '/fine')
  t.equal(text, 'shop')
  t.match(headers['x-found'], /leaked/)
  t.notMatch(headers['x-found'], /secret/)
  await pod.assertIdle(t)
})

/** What comes back when nothing stands behind the plugin. */
async function assertUnanswered(t: Test, script: string, status: number): Promise<void> {
  await using app = await Application.start('shop')
  await using pod = await startWith(app, script, { lowest: 160 })
  const answer = await ask(pod.port, '/', { method: 'POST', headers: pod.headersFor('shop'), body: 'x' })
  t.equal(answer.status, status)
  t.not(answer.text, 'x', 'the request does not come back')
  t.equal(app.seen.length, 0)
  await pod.assertIdle(t)
}

test('7: behind the last module a request is answered 404, and not with itself', async (t) => {
  await using _left = assertNothingLeft(t)
  await assertUnanswered(t, 'pipy().pipeline().chain()', 404)
})

test('7: a plugin may answer for the end of the chain by itself', async (t) => {
  await using _left = assertNothingLeft(t)
  await assertUnanswered(
    t,
    `pipy().pipeline().chain().handleMessageStart(() => {}).replaceStreamEnd(() => new Message({ status: 418 }, 'short'))`,
    418,
  )
})

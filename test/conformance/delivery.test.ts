import { test } from 'tap'
import { Application } from '../support/application.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { startPod } from './pod.ts'

/** Says what its config is, on the way in and on the way back. */
const telling = (from: string, word = 'told') => `
pipy({ _config: null })
.import({ __service: '${from}' })
.pipeline()
.onStart(() => void (_config = __service?.Plugins?.[__filename.slice(9, -3)]))
.handleMessageStart(msg => _config && (msg.head.headers['x-in-' + __filename.slice(9, -3)] = _config.word))
.chain()
.handleMessageStart(msg => msg.head.headers['x-out'] = (msg.head.headers['x-out'] || '') + '${word} ' + __filename)`

for (const direction of ['inbound', 'outbound'] as const) {
  test(`scripts that config.json names stand in its ${direction} chain, in its order, with its configs`, async (t) => {
    await using _left = assertNothingLeft(t)
    await using app = await Application.start('shop')
    const script = telling(`${direction}-http-routing`)
    await using pod = await startPod({
      direction,
      services: {
        shop: { address: app.address, plugins: { one: { word: 'first' }, two: { word: 'second' } } },
        plain: { address: app.address },
      },
      mounted: { one: 115, two: 118 },
      files: { 'one.js': script, 'two.js': script, 'unused.js': 'pipy().nonsense()' },
    })
    const { headers, text } = await pod.ask('shop')
    t.equal(text, 'shop')
    t.match(app.seen[0]?.headers, { 'x-in-one': 'first', 'x-in-two': 'second' })
    t.equal(headers['x-out'], 'told /plugins/one.jstold /plugins/two.js', 'two is the outer one')
    await pod.ask('plain')
    t.notOk('x-in-one' in (app.seen[1]?.headers ?? {}))
    t.match(await pod.plugin('one'), { state: 'running', chains: [`${direction}-http`], errors: 0 })
    await pod.scripts.write('one.js', telling(`${direction}-http-routing`, 'said'))
    await pod.sidecar.program.logged(/^generation 2 serves/)
    const { headers: after } = await pod.ask('shop')
    t.equal(after['x-out'], 'said /plugins/one.jstold /plugins/two.js')
    await pod.assertIdle(t)
  })
}

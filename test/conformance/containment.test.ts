import { type Test, test } from 'tap'
import { Application } from '../support/application.ts'
import { assertNothingLeft } from '../support/nothing-left.ts'
import { type PodOptions, startOne } from './pod.ts'

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
  await using pod = await startOne(app.address, leaking)
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
async function assertUnanswered(
  t: Test,
  script: string,
  status: number,
  more: Partial<PodOptions> = {},
): Promise<void> {
  await using app = await Application.start('shop')
  await using pod = await startOne(app.address, script, { lowest: 160, ...more })
  const answer = await pod.ask('shop', '/', { method: 'POST', body: 'x' })
  t.equal(answer.status, status)
  t.not(answer.text, 'x', 'the request does not come back')
  t.equal(app.seen.length, 0)
  await pod.assertIdle(t)
}

test('7: behind the last module a request is answered 404, and not with itself', async (t) => {
  await using _left = assertNothingLeft(t)
  await assertUnanswered(t, 'pipy().pipeline().chain()', 404)
})

test('7: it is the same on the way out', async (t) => {
  await using _left = assertNothingLeft(t)
  await assertUnanswered(t, 'pipy().pipeline().chain()', 404, { direction: 'outbound', lowest: 150 })
})

test('7: a plugin may answer for the end of the chain by itself', async (t) => {
  await using _left = assertNothingLeft(t)
  await assertUnanswered(
    t,
    `pipy().pipeline().chain().handleMessageStart(() => {}).replaceStreamEnd(() => new Message({ status: 418 }, 'short'))`,
    418,
  )
})

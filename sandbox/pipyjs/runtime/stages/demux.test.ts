import { test } from 'tap'
import { ProxyError } from '../../../../chains/failures.ts'
import { HeaderList } from '../../../../chains/headers.ts'
import { localResponse } from '../../../../chains/http.ts'
import { testContext, testOutcome, testRequest } from '../../../../chains/policy/testing.ts'
import { assertNothingLeft, eventually } from '../../../../test/support/nothing-left.ts'
import { rawClient } from '../../../../test/support/raw.ts'
import { frontOf } from '../network/testing/front.ts'
import { realNetwork } from '../network/testing/real-network.ts'
import { ask, bench, echo, handBody } from '../testing/bench.ts'

const nowhere = () => Promise.reject(new ProxyError('NO_ENDPOINT', 'nothing is behind'))

/** A script that makes a message of each line, and a line of each answer. */
const lines = (demux: string) => `
  pipy({ _rest: '', _line: '' }).pipeline()
  .replaceData(data => {
    const all = (_rest + data.toString()).split('\\n')
    _rest = all.pop()
    return all.map(line => new Message(line))
  })
  ${demux}
  .replaceMessage(answer => new Data('<' + answer.body.toString() + '>'))`

/** Sends a text to a plugin on a TCP chain, and gives all that comes back. */
async function said(script: string, text: string, isEnded = true): Promise<string> {
  using network = realNetwork()
  using b = bench(script, { network, limits: { callMs: 1_000 } })
  await using front = await frontOf(b.tcp(nowhere))
  const client = await rawClient(front.port)
  client.send(text)
  if (isEnded) client.end()
  await client.until(() => client.ending !== null, 'all is answered')
  await client[Symbol.asyncDispose]()
  await eventually(() => b.plugin.usage().exchanges === 0, 'nothing is left in the plugin')
  return String(client.received)
}

test('requests on one connection are answered in their order, each in a context of its own', async (t) => {
  await using _left = assertNothingLeft(t)
  const script = `
    pipy({ _count: 0 }).pipeline()
    .decodeHTTPRequest()
    .demux().to($ => $
      .handleMessageStart(() => void (_count += 1))
      .handleMessageEnd(() => Promise.resolve())
      .replaceMessage(request => new Message({ status: 200 }, request.head.path + ' ' + _count)))
    .encodeHTTPResponse()`
  const one = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
  const text = await said(script, one('/a') + one('/b') + one('/c'))
  t.match(text, /^HTTP\/1\.1 200 .*\/a 1.*HTTP\/1\.1 200 .*\/b 1.*HTTP\/1\.1 200 .*\/c 1$/s)
})

test('an answer that is there early waits for those before it', async (t) => {
  await using _left = assertNothingLeft(t)
  const script = lines(`
    .demux().to($ => $
      .handleMessage(message => void (_line = message.body.toString()))
      .branch(
        () => _line === 'slow', $ => $.handleMessageEnd(() => new Promise(done => Promise.resolve().then(done))),
        $ => $)
      .replaceMessage(() => [new Message(_line), new Message('another'), new StreamEnd]))`)
  t.equal(await said(script, 'slow\nfast\nslow\nfast\n'), '<slow><fast><slow><fast>')
})

test('more messages than there may be at a time are answered all the same', async (t) => {
  await using _left = assertNothingLeft(t)
  const many = Array.from({ length: 200 }, (_, at) => String(at))
  const script = lines(`.demux().to($ => $.handleMessageEnd(() => Promise.resolve()))`)
  t.equal(await said(script, `${many.join('\n')}\n`), `<${many.join('><')}>`)
})

test('a message without an answer is passed over, and one that is half of an answer ends it', async (t) => {
  await using _left = assertNothingLeft(t)
  const script = lines(`
    .demux().to($ => $
      .replaceMessage(message => (
        message.body.toString() === 'note' ? null
        : message.body.toString() === 'half' ? [new MessageStart, new Data('ha'), new StreamEnd]
        : message)))`)
  t.equal(await said(script, 'a\nnote\nhalf\nnote\nb\n'), '<a><ha><b>')
})

test('a pipeline that ends its stream before it has answered ends them all', async (t) => {
  await using _left = assertNothingLeft(t)
  const script = lines(`
    .demux().to($ => $
      .replaceMessage(message => message.body.toString() === 'bad' ? new StreamEnd : message))`)
  t.equal(await said(script, 'a\nbad\nb\n', false), '<a>')
})

test('a message that breaks off takes its pipeline with it', async (t) => {
  await using _left = assertNothingLeft(t)
  const script = `
    pipy({ _count: 0 }).pipeline()
    .replaceData(data => data.size ? [new MessageStart, data] : null)
    .demux().to($ => $
      .handleStreamEnd(() => void (_count += 1))
      .replaceMessage(message => new Message(message.body.toString() + _count)))
    .replaceMessage(answer => answer.body)`
  t.equal(await said(script, 'half'), 'half1')
})

test('in an HTTP chain the rest of the chain answers, and variables of the request stay as they were', async (t) => {
  using b = bench(`
    pipy({ _seen: 'before' }).pipeline()
    .demux().to($ => $
      .handleMessageStart(({ head }) => void (_seen = head.headers['x-seen'] = 'inner'))
      .chain()
      .handleMessageStart(({ head }) => void (head.headers['x-inner'] = _seen)))
    .handleMessageStart(({ head }) => void (head.headers['x-outer'] = _seen))`)
  const { response, text } = await ask(b.http(echo), testRequest({ path: '/x' }))
  t.equal(text, 'GET /x ')
  t.equal(response.headers.get('x-seen'), 'inner')
  t.equal(response.headers.get('x-inner'), 'inner')
  t.equal(response.headers.get('x-outer'), 'before')
})

test('bodies flow no faster than they are taken', async (t) => {
  const hand = handBody()
  using b = bench('pipy().pipeline().demux().to($ => $.chain())')
  const chain = b.http(async () => localResponse(200, new HeaderList(), hand.body))
  const cx = testContext()
  const { body } = await chain.run(testRequest(), cx)
  const got: number[] = []
  let hasRoom = false
  body?.open({
    write: (bytes) => {
      got.push(bytes.length)
      return hasRoom
    },
    end: () => void got.push(-1),
    fail: () => {},
  })
  t.notOk(hand.sink()?.write(Buffer.alloc(10)), 'it is told to stop')
  const resumes = hand.resumes()
  hasRoom = true
  body?.resume()
  await eventually(() => hand.resumes() > resumes, 'it is told to go on')
  t.ok(hand.sink()?.write(Buffer.alloc(20)))
  hand.sink()?.end(null)
  t.same(got, [10, 20, -1])
  cx.finish(testOutcome())
})

test('what fails in one message fails the stream, and what nobody answers does not hang', async (t) => {
  using bad = bench(
    `pipy().pipeline().demux().to($ => $.handleMessageStart(() => { throw new Error('no') }))`,
  )
  await t.rejects(ask(bad.http(echo), testRequest()), { code: 'PLUGIN_THREW' })
  t.same(bad.failures, ['exception'])
  using silent = bench(`pipy().pipeline().demux().to($ => $.dummy())`)
  await t.rejects(ask(silent.http(echo), testRequest()), { message: /neither sent it on/ })
  using endless = bench(`pipy().pipeline().link('a').pipeline('a').demux().to('a')`)
  await t.rejects(ask(endless.http(echo), testRequest()), { message: /nested more than 64 deep/ })
  t.throws(() => bench('pipy().pipeline().demux()'), { message: /demux\(\): it takes one sub-pipeline/ })
  using named = bench(`pipy().pipeline().demux('a').pipeline('a').replaceMessage(new Message('named'))`)
  t.equal((await ask(named.http(echo), testRequest())).text, 'named')
})

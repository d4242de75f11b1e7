import { test } from 'tap'
import { ProxyError } from '../../../chains/failures.ts'
import { HeaderList } from '../../../chains/headers.ts'
import { localResponse } from '../../../chains/http.ts'
import { slowBody } from '../../plugin/testing/kit.ts'
import { loadGuest, scriptedGuest } from '../testing/ask.ts'
import { openLoader } from '../testing/loader.ts'

const replace = (map: number): string =>
  `(call $status (call $replace (i32.const ${map}) (i32.const 16) (i32.const 8) (i32.const 32) (i32.const 4)))`
const untilEnd = '(if (i32.eqz (local.get $end)) (then (return (i32.const 1))))'
const hold = '(return (i32.const 1))'

test('a head is held while the body comes where that is wanted, and can be edited until it goes on', async (t) => {
  using loader = openLoader()
  const script = { request_headers: hold, request_body: untilEnd + replace(0), response_headers: replace(0) }
  const { ask, lines } = loadGuest(loader, scriptedGuest(script), { bodyWhileHeadersHeld: true })
  const { sent } = await ask({ method: 'POST', body: slowBody(['ab', 'cd']) })
  t.strictSame(sent?.fields, ['Host', 'shop.example', 'x-plugin', 'seen'])
  t.equal(sent?.body, 'abcd')
  t.match(lines.join(), /request_body 4 1.*status 0 0.*response_headers.*status 2 0/, 'and not after that')
})

test('a body that breaks off while the head is held ends the exchange as it would have without a plugin', async (t) => {
  using loader = openLoader()
  const script = { response_headers: hold, response_body: untilEnd }
  const { ask, failures } = loadGuest(loader, scriptedGuest(script), { bodyWhileHeadersHeld: true })
  const cut = new ProxyError('UPSTREAM_TRUNCATED', 'cut')
  const begun = performance.now()
  t.match(await ask({}, async () => localResponse(200, new HeaderList(), slowBody(['half'], cut))), {
    status: 0,
    text: '!UPSTREAM_TRUNCATED',
  })
  t.ok(performance.now() - begun < 250)
  t.strictSame(failures, [])
})

test('maps that are not there are read as empty, and not written', async (t) => {
  using loader = openLoader()
  const read = '(call $status (call $pairs (i32.const 2) (i32.const 128) (i32.const 132)))'
  const size = '(call $trace (i32.const 192) (i32.const 6) (i32.load (i32.const 132)) (i32.const 1))'
  const numbers = '(call $status (call $pairs (i32.const 8) (i32.const 128) (i32.const 132)))'
  const script = { request_headers: replace(2) + read + size + numbers }
  const { ask, lines } = loadGuest(loader, scriptedGuest(script))
  t.equal((await ask()).status, 200)
  t.match(lines.join(), /status 2 0.*status 0 0.*status 0 1.*status 2 0/)
})

import { test } from 'tap'
import { ProxyError } from '../../../../chains/failures.ts'
import { assertNothingLeft } from '../../../../test/support/nothing-left.ts'
import { rawClient } from '../../../../test/support/raw.ts'
import { bench } from '../testing/bench.ts'
import { frontOf } from './testing/front.ts'

const script = `
  pipy({ _name: null }).pipeline()
  .detectProtocol(name => void (_name = name))
  .branch(() => _name !== null, $ => $.replaceData(data => new Data('[' + _name + ']' + data)))`

test('a stream is known by how it begins, however it is cut, and passes whole', async (t) => {
  await using _left = assertNothingLeft(t)
  using b = bench(script)
  await using front = await frontOf(b.tcp(() => Promise.reject(new ProxyError('NO_ENDPOINT', 'none'))))
  for (const [begin, name] of [
    ['GET / HTTP/1.1\r\n', 'HTTP'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP2'],
    ['PRIVATE / HTTP/1.1\r\n', 'HTTP'],
    ['\x16\x03\x01', 'TLS'],
    ['SSH-2.0-x\r\n', ''],
    ['hello', ''],
    ['GE', ''],
  ] as const) {
    const client = await rawClient(front.port)
    for (const character of begin) client.send(character)
    client.end()
    await client.until(() => client.ending !== null, 'it ends')
    const text = client.text.replaceAll(`[${name}]`, '')
    t.equal(text, begin, name)
    t.match(client.text, `[${name}]`)
    await client[Symbol.asyncDispose]()
  }
})

import { test } from 'tap'
import { isLoopbackAddress } from './guard.ts'

test('only addresses of this machine alone are loopback', async (t) => {
  for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
    t.ok(isLoopbackAddress(address), address)
  for (const address of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    '::ffff:10.0.0.1',
    'fe80::1',
    'localhost',
    '',
  ]) {
    t.notOk(isLoopbackAddress(address), address)
  }
})

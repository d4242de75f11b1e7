import { test } from 'tap'
import { IpRanges, isRange, parseAddress } from './ip-ranges.ts'

test('an address matches itself and the ranges that contain it', async (t) => {
  const ranges = new IpRanges(['10.244.1.20', '10.96.0.0/12', '192.168.7.9/31'])
  t.ok(ranges.has('10.244.1.20'))
  t.notOk(ranges.has('10.244.1.21'))
  t.ok(ranges.has('10.96.0.0'))
  t.ok(ranges.has('10.111.255.255'))
  t.notOk(ranges.has('10.112.0.0'))
  t.ok(ranges.has('192.168.7.8'))
  t.notOk(ranges.has('192.168.7.10'))
})

test('an IPv4 address is the same when it is mapped into IPv6, in a range as in a question', async (t) => {
  const plain = new IpRanges(['10.0.0.0/8'])
  t.ok(plain.has('::ffff:10.1.2.3'))
  t.ok(plain.has('::FFFF:0a01:0203'))
  t.notOk(plain.has('::ffff:11.1.2.3'))
  const mapped = new IpRanges(['::ffff:10.0.0.0/104', '::ffff:1.2.3.4'])
  t.ok(mapped.has('10.200.0.1'))
  t.ok(mapped.has('1.2.3.4'))
  t.notOk(mapped.has('1.2.3.5'))
})

test('IPv6 ranges match at any prefix length, and zones do not matter', async (t) => {
  const ranges = new IpRanges(['2001:db8::/33', 'fe80::1', '2001:db9:0:0:1:2:3:4/127'])
  t.ok(ranges.has('2001:db8:7fff::1'))
  t.notOk(ranges.has('2001:db8:8000::1'))
  t.ok(ranges.has('fe80::1%eth0'))
  t.ok(ranges.has('2001:db9::1:2:3:5'))
  t.notOk(ranges.has('2001:db9::1:2:3:6'))
})

test('the whole of one family does not contain the other', async (t) => {
  t.ok(new IpRanges(['0.0.0.0/0']).has('255.255.255.255'))
  t.notOk(new IpRanges(['0.0.0.0/0']).has('2001::1'))
  t.ok(new IpRanges(['::/0']).has('2001::1'))
  t.notOk(new IpRanges(['::/0']).has('1.2.3.4'))
})

test('what is no address is in no range, and no range can be made of it', async (t) => {
  const bad = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.-4',
    ':::',
    '1::2::3',
    'g::',
    '1:2:3:4:5:6:7',
  ]
  const all = new IpRanges(['0.0.0.0/0', '::/0'])
  for (const text of [
    ...bad,
    '1:2:3:4:5:6:7:8:9',
    '::1.2.3.4:5',
    '12345::',
    `${'1:'.repeat(5000)}1`,
    '*',
    '1:',
  ]) {
    t.notOk(all.has(text), text.slice(0, 40))
    t.equal(parseAddress(text), null)
    t.notOk(isRange(text))
  }
  for (const text of [
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/-1',
    '1.2.3.4/08',
    '::/129',
    '::ffff:1.2.3.4/90',
    'fe80::1%a/64',
  ]) {
    t.notOk(isRange(text), text)
  }
  t.throws(() => new IpRanges(['10.0.0.0/8', 'nonsense']), { message: /nonsense/ })
})

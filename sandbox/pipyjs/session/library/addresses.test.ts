import { type Test, test } from 'tap'
import { evaluate } from './testing/evaluate.ts'

/** Compares expressions with what they would be. */
function table(t: Test, rows: Readonly<Record<string, unknown>>): void {
  const results = evaluate(Object.keys(rows))
  Object.entries(rows).forEach(([expression, expected], at) => {
    t.same(results[at], expected, expression)
  })
  t.end()
}

test('IP reads addresses of both kinds, and writes them as everybody does', (t) => {
  table(t, {
    "new IP('10.1.2.3').toString()": '10.1.2.3',
    "new IP('10.1.2.3').version": 4,
    "new IP('10.1.2.3').isV4": true,
    "new IP('10.1.2.3').decompose()": [10, 1, 2, 3],
    "new IP('10.1.2.3').toBytes()": [10, 1, 2, 3],
    'new IP([1, 2, 3, 4]).toString()': '1.2.3.4',
    "new IP('2001:DB8:0:0:1:0:0:1').toString()": '2001:db8::1:0:0:1',
    "new IP('::1').toString()": '::1',
    "new IP('::').toString()": '::',
    "new IP('1::').toString()": '1::',
    "new IP('1:0:3:4:5:6:7:8').toString()": '1:0:3:4:5:6:7:8',
    "new IP('::ffff:1.2.3.4').decompose()": [0, 0, 0, 0, 0, 0xffff, 0x102, 0x304],
    "new IP('fe80::1').isV6": true,
    "new IP('1:2::8').toBytes()": [0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8],
    'new IP(new IP("::2").toBytes()).toString()': '::2',
    "JSON.stringify(new IP('1.2.3.4'))": '"1.2.3.4"',
    "new IP('1.2.3')": { throws: '"1.2.3" is no IP address' },
    "new IP('1.2.3.256')": { throws: '"1.2.3.256" is no IP address' },
    "new IP('01.2.3.4')": { throws: '"01.2.3.4" is no IP address' },
    "new IP('1::2::3')": { throws: '"1::2::3" is no IP address' },
    "new IP('1:2:3:4:5:6:7:8:9')": { throws: '"1:2:3:4:5:6:7:8:9" is no IP address' },
    "new IP(':1')": { throws: '":1" is no IP address' },
    "new IP('12345::')": { throws: '"12345::" is no IP address' },
    'new IP(null)': { throws: 'an address is a string or an array of bytes, and not null' },
  })
})

test('IPEndpoint has an address, a port and a protocol', (t) => {
  table(t, {
    "(e => [String(e.ip), e.port, e.protocol])(new IPEndpoint('1.2.3.4:80'))": ['1.2.3.4', 80, 'tcp'],
    "(e => [String(e.ip), e.port, e.protocol])(new IPEndpoint('[::1]:53', 'udp'))": ['::1', 53, 'udp'],
    "(e => [String(e.ip), e.port])(new IPEndpoint('::1', 8080))": ['::1', 8080],
    "(e => [String(e.ip), e.port])(new IPEndpoint('::1'))": ['::1', 0],
    "(e => [String(e.ip), e.port])(new IPEndpoint(new IP('1.2.3.4'), 1))": ['1.2.3.4', 1],
    "new IPEndpoint('1.2.3.4', 65536)": { throws: 'a port is a number from 0 to 65535, and not 65536' },
    "new IPEndpoint('1.2.3.4', 80, 'sctp')": {
      throws: 'the protocol of an IPEndpoint is tcp or udp, and not sctp',
    },
  })
})

test('Netmask knows its range', (t) => {
  table(t, {
    "new Netmask('10.1.2.3/8').contains('10.255.0.1')": true,
    "new Netmask('10.1.2.3/8').contains('11.0.0.1')": false,
    "new Netmask('10.1.2.3/8').contains('::ffff:10.0.0.1')": true,
    "new Netmask('10.1.2.3/8').contains('::1')": false,
    "new Netmask('10.1.2.3/8').contains('10.1.2')": false,
    "new Netmask('10.1.2.3/8').contains(new IP('10.9.9.9'))": true,
    "new Netmask('0.0.0.0/0').contains('200.1.1.1')": true,
    "new Netmask('10.1.2.3').contains('10.1.2.3')": true,
    "new Netmask('10.1.2.3').contains('10.1.2.4')": false,
    "new Netmask('2001:db8::/33').contains('2001:db8:7fff::1')": true,
    "new Netmask('2001:db8::/33').contains('2001:db8:8000::1')": false,
    "new Netmask('::/0').contains('1.2.3.4')": false,
    "(n => [n.version, n.ip, n.bitmask, n.base, n.mask, n.hostmask, n.broadcast, n.size, n.first, n.last])(new Netmask('192.168.5.77/22'))":
      [
        4,
        '192.168.5.77',
        22,
        '192.168.4.0',
        '255.255.252.0',
        '0.0.3.255',
        '192.168.7.255',
        1024,
        '192.168.4.1',
        '192.168.7.254',
      ],
    "(n => [n.version, n.ip, n.base, n.mask, n.hostmask, n.broadcast, n.size, n.first, n.last])(new IPMask('2001:db8::77/112'))":
      [
        6,
        '2001:db8::77',
        '2001:db8::',
        'ffff:ffff:ffff:ffff:ffff:ffff:ffff:0',
        '::ffff',
        '2001:db8::ffff',
        65_536,
        '2001:db8::1',
        '2001:db8::fffe',
      ],
    "(n => [n.first, n.last, n.size, n.next()])(new Netmask('1.2.3.4/32'))": ['1.2.3.4', '1.2.3.4', 1, ''],
    "(n => [n.next(), n.next(), n.next(), n.next()])(new Netmask('10.0.0.8/30'))": [
      '10.0.0.9',
      '10.0.0.10',
      '',
      '',
    ],
    "(n => [n.next(), n.next()])(new Netmask('fd00::/64'))": ['fd00::1', 'fd00::2'],
    "new Netmask('10.1.2.3/8').decompose()": [10, 1, 2, 3],
    'new Netmask(16, [10, 1, 2, 3]).base': '10.1.0.0',
    "String(new Netmask('10.0.0.0/8'))": '10.0.0.0/8',
    "new Netmask('10.0.0.0/33')": { throws: 'the prefix of 10.0.0.0 has 0 to 32 bits, and not 33' },
    "new Netmask('::/129')": { throws: 'the prefix of :: has 0 to 128 bits, and not 129' },
    "new Netmask('10.0.0.0/x')": {
      throws: '"10.0.0.0/x" is no range of addresses; it would be like 10.0.0.0/8',
    },
    "new Netmask('shop')": { throws: '"shop" is no range of addresses; it would be like 10.0.0.0/8' },
    'new Netmask()': { throws: 'a Netmask is made of a string such as "10.0.0.0/8", and not of undefined' },
  })
})

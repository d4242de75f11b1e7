import { test } from 'tap'
import { HostTable } from './hosts.ts'

const names = [
  'cart',
  'cart:8080',
  'cart.shop',
  '*.shop',
  '*.eu.shop',
  '*.eu.shop:8443',
  '[::1]',
  '*',
  '__proto__',
]

function table(matching: 'exact' | 'flexible', hosts = names): HostTable<string> {
  return new HostTable(
    hosts.map((host) => [host, host] as const),
    matching,
  )
}

test('exact matching takes the header as it is, but for its case', async (t) => {
  const hosts = table('exact')
  t.equal(hosts.find('cart'), 'cart')
  t.equal(hosts.find('CART:8080'), 'cart:8080')
  t.equal(hosts.find('cart:9090'), undefined)
  t.equal(hosts.find('x.shop'), undefined)
  t.equal(hosts.find(''), undefined)
  t.equal(hosts.any, '*')
})

test('nobody reaches the entry for everybody by asking for it by name', async (t) => {
  t.equal(table('exact').find('*'), undefined)
})

test('flexible matching goes from the particular to the general', async (t) => {
  const hosts = table('flexible')
  t.equal(hosts.find('cart:8080'), 'cart:8080')
  t.equal(hosts.find('Cart:9090'), 'cart')
  t.equal(hosts.find('cart.shop'), 'cart.shop')
  t.equal(hosts.find('a.shop'), '*.shop')
  t.equal(hosts.find('A.B.SHOP:80'), '*.shop')
  t.equal(hosts.find('a.eu.shop'), '*.eu.shop')
  t.equal(hosts.find('a.eu.shop:8443'), '*.eu.shop:8443')
  t.equal(hosts.find('eu.shop'), '*.shop')
  t.equal(hosts.find('[::1]:80'), '[::1]')
  t.equal(hosts.find('.shop'), '*')
  t.equal(hosts.find('elsewhere'), '*')
  t.equal(table('flexible', ['a.b']).find('elsewhere'), undefined)
})

test('odd headers are looked up like all others', async (t) => {
  const hosts = table('flexible', ['*.shop'])
  for (const host of ['', ':', '::', '[', ']', '.', '..', 'constructor', `${'a.'.repeat(30_000)}shop`]) {
    t.equal(hosts.find(host), undefined, host.slice(0, 20))
  }
})

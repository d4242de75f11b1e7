import { test } from 'tap'
import { readGuestModules } from '../guest-modules.ts'
import { neededModules } from './needed-modules.ts'
import { evaluate } from './testing/evaluate.ts'

const { modules } = readGuestModules()

/** Names of modules that are empty for a script, without those that all have. */
const emptyFor = (source: string): string[] => {
  const needed = neededModules(modules, source)
  return Object.keys(needed).filter((name) => needed[name] !== modules[name])
}

test('a guest parses only what its script names', (t) => {
  const every = emptyFor('pipy()')
  t.equal(every.length, 10)
  const usual = every.map((name) => name.replace(/\.[jt]s$/, ''))
  t.ok(usual.every((name) => name.startsWith('library/groups/') || name === 'library/algo'))
  const groups: Record<string, string> = {
    'new Netmask("::/0")': 'library/groups/addresses',
    'new IP("::")': 'library/groups/addresses',
    'crypto.JWT': 'library/groups/crypto',
    'http.Match': 'library/groups/http',
    'const { JSONLogger } = logging': 'library/groups/logging',
    'stats.Counter': 'library/groups/stats',
    'new URLSearchParams()': 'library/groups/urls',
    'XML.parse': 'library/groups/xml',
    'YAML .parse': 'library/groups/yaml',
    '(zlib)': 'library/groups/zlib',
    'algo.Quota': 'library/algo',
    'algo["Cache"]': 'library/algo',
    'const { Cache } = algo': 'library/algo',
  }
  for (const [source, group] of Object.entries(groups)) {
    const left = emptyFor(source).map((name) => name.replace(/\.[jt]s$/, ''))
    t.same(
      usual.filter((name) => !left.includes(name)),
      [group],
      source,
    )
  }
  t.same(emptyFor('algo.Cache(), algo . URLRouter, algo.uuid()'), every)
  t.same(emptyFor('\\u0059AML.parse'), [])
  t.end()
})

test('everything is there when it is named', (t) => {
  const names = [
    'YAML.parse',
    'XML.Node',
    'IP',
    'IPEndpoint',
    'Netmask',
    'IPMask',
    'URL',
    'URLSearchParams',
    'http.Match',
    'http.File',
    'zlib.gzip',
    'logging.BinaryLogger',
    'logging.TextLogger',
    'logging.JSONLogger',
    'stats.Counter',
    'stats.Gauge',
    'stats.Histogram',
    ...['Certificate', 'CertificateChain', 'Cipher', 'Decipher', 'Hash', 'Hmac'].map(
      (name) => `crypto.${name}`,
    ),
    ...['JWK', 'JWT', 'PrivateKey', 'PublicKey', 'Sign', 'Verify'].map((name) => `crypto.${name}`),
    ...['Cache', 'Quota', 'SharedMap', 'URLRouter', 'LoadBalancer', 'ResourcePool'].map(
      (name) => `algo.${name}`,
    ),
    ...['RoundRobinLoadBalancer', 'HashingLoadBalancer', 'LeastWorkLoadBalancer'].map(
      (name) => `algo.${name}`,
    ),
    ...['Percentile', 'hash', 'uuid'].map((name) => `algo.${name}`),
  ]
  t.same(
    evaluate(names.map((name) => `typeof ${name}`)),
    names.map(() => 'function'),
  )
  t.end()
})

test('what a sandbox cannot have says so, and what to use', (t) => {
  const absent = [
    'Hessian',
    'Thrift',
    'RESP',
    'protobuf',
    'DNS',
    'CStruct',
    'CUnion',
    'CString',
    'BGP',
    'STUN',
  ]
  const results = evaluate(absent.map((name) => `${name}.decode`)) as { throws: string }[]
  absent.forEach((name, at) => {
    t.match(results[at]?.throws, new RegExp(`^${name} is not there in a sandbox: .*;|memory`), name)
  })
  t.end()
})

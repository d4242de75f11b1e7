import { test } from 'tap'
import { evaluate } from './testing/evaluate.ts'

const parts = [
  'protocol',
  'auth',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'path',
  'pathname',
  'search',
  'query',
  'hash',
  'origin',
  'href',
]

test('URL takes addresses apart as they are written', (t) => {
  const rows: Record<string, readonly string[]> = {
    "new URL('https://me:secret@shop.example:8443/a/b?c=d&e=/?#f?g')": [
      'https:',
      'me:secret',
      'me',
      'secret',
      'shop.example:8443',
      'shop.example',
      '8443',
      '/a/b?c=d&e=/?',
      '/a/b',
      '?c=d&e=/?',
      'c=d&e=/?',
      '#f?g',
      'https://shop.example:8443',
      'https://me:secret@shop.example:8443/a/b?c=d&e=/?#f?g',
    ],
    "new URL('http://[::1]')": [
      'http:',
      '',
      '',
      '',
      '[::1]',
      '[::1]',
      '80',
      '/',
      '/',
      '',
      '',
      '',
      'http://[::1]',
      'http://[::1]/',
    ],
    "new URL('wss://[fe80::2]:9/x')": [
      'wss:',
      '',
      '',
      '',
      '[fe80::2]:9',
      '[fe80::2]',
      '9',
      '/x',
      '/x',
      '',
      '',
      '',
      'wss://[fe80::2]:9',
      'wss://[fe80::2]:9/x',
    ],
  }
  const results = evaluate(
    Object.keys(rows).map((url) => `(u => ${JSON.stringify(parts)}.map(p => u[p]))(${url})`),
  )
  t.same(results, Object.values(rows))
  t.same(
    evaluate([
      "new URL('/x?y=1').pathname",
      "new URL('/x?y=1').host",
      "new URL('/x?y=1').searchParams.get('y')",
      "new URL('/c', 'https://h/a/b').href",
      "new URL('c', 'https://h/a/b?q').href",
      "new URL('?z', 'https://h/a/b?q#h').href",
      "new URL('', 'https://h/a/b').href",
      "new URL('//other/x', 'https://h/a/b').href",
      "String(new URL('http://h'))",
      "JSON.stringify({ u: new URL('http://h') })",
    ]),
    [
      '/x',
      '',
      '1',
      'https://h/c',
      'https://h/a/c',
      'https://h/a/b?z',
      'https://h/a/b',
      'http://other/x',
      'http://h/',
      '{"u":"http://h/"}',
    ],
  )
  t.end()
})

test('URLSearchParams reads and writes queries', (t) => {
  const rows: Record<string, unknown> = {
    "new URLSearchParams('?a=1&b=x%20y&a=2&c&d=&=e').toObject()": {
      a: ['1', '2'],
      b: 'x y',
      c: '',
      d: '',
      '': 'e',
    },
    "new URLSearchParams('a=1&a=2').get('a')": '1',
    "new URLSearchParams('a=1&a=2').getAll('a')": ['1', '2'],
    "new URLSearchParams('a=1').get('b')": null,
    "new URLSearchParams('a=1').getAll('b')": [],
    "new URLSearchParams('a=1+2&b=%zz&c=%e2%82').toObject()": { a: '1 2', b: '%zz', c: '%e2%82' },
    "new URLSearchParams({ a: 1, b: ['x', 'y z'], c: null }).toString()": 'a=1&b=x&b=y%20z',
    "(p => (p.set('a', 'b&c'), p.set('d'), p.toString()))(new URLSearchParams('a=1&d=2'))": 'a=b%26c',
    "new URLSearchParams('__proto__=1&toString=2').get('__proto__')": '1',
    "new URLSearchParams('x=1').get('toString')": null,
    'new URLSearchParams().toString()': '',
    'new URLSearchParams(5)': { throws: 'URLSearchParams is made of a string or an object' },
  }
  t.same(evaluate(Object.keys(rows)), Object.values(rows))
  t.end()
})

test('http.Match finds the parts of a path', (t) => {
  const rows: Record<string, unknown> = {
    "new http.Match('/users/{id}')('/users/42')": { id: '42' },
    "new http.Match('/users/{id}')('/users/4%202?x=/y')": { id: '4%202' },
    "new http.Match('/users/{id}')('/users/')": null,
    "new http.Match('/users/{id}')('/users/1/2')": null,
    "new http.Match('/users/{id}')('/users')": null,
    "new http.Match('/users')('/users')": {},
    "new http.Match('/users')('/users/')": null,
    "new http.Match('/a/{x}/b/{y}')('/a/1/b/2')": { x: '1', y: '2' },
    "new http.Match('/files/*')('/files/a/b.txt?c')": { '*': 'a/b.txt' },
    "new http.Match('/files/*')('/files/')": { '*': '' },
    "new http.Match('/files/*')('/files')": null,
    "new http.Match('/{mesh}/*')('/m/x')": { mesh: 'm', '*': 'x' },
    "new http.Match('/a/*/b')('/a/*/b')": {},
    "new http.Match('/')('/')": {},
  }
  t.same(evaluate(Object.keys(rows)), Object.values(rows))
  t.end()
})

test('http.File answers with what pipy.load() knows', (t) => {
  const files = { 'www/a.html': '<p>', 'www/a.html.gz': 'zipped', 'config.json': '{}' }
  const rows: Record<string, unknown> = {
    "http.File.from('/www/none.html')": null,
    "(m => [m.head, m.body.toString()])(http.File.from('/www/a.html').toMessage())": [
      { headers: { 'content-type': 'text/html' } },
      '<p>',
    ],
    "(m => [m.head, m.body.toString()])(http.File.from('www/a.html').toMessage('br, gzip;q=0.5'))": [
      { headers: { 'content-type': 'text/html', 'content-encoding': 'gzip' } },
      'zipped',
    ],
    "http.File.from('www/a.html').toMessage('gzip;q=0').body.toString()": '<p>',
    "http.File.from('config.json').toMessage('gzip').head.headers['content-type']": 'application/json',
    "new http.Agent('shop:80')": {
      throws:
        'http.Agent is not there in a sandbox: call a service with muxHTTP() and connect(), to a target that is granted',
    },
    "new http.Directory('/www')": {
      throws:
        'http.Directory is not there in a sandbox: a plugin has no folder of files; answer with new Message(), or with http.File.from()',
    },
  }
  t.same(evaluate(Object.keys(rows), { files }), Object.values(rows))
  t.end()
})

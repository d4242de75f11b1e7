import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'tap'
import { evaluate, quoted } from './testing/evaluate.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const publicPem = String(rsa.publicKey.export({ type: 'spki', format: 'pem' }))
const privatePem = String(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }))

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function token(
  header: object,
  signature: (text: string) => Buffer | string,
  payload: object = { sub: 'ann' },
): string {
  const text = `${part(header)}.${part(payload)}`
  const signed = signature(text)
  return `${text}.${typeof signed === 'string' ? signed : signed.toString('base64url')}`
}

const byHmac = (hash: string, secret: string | Buffer) => (text: string) =>
  createHmac(hash, secret).update(text).digest()
const byKey = (hash: string, key: KeyObject) => (text: string) =>
  sign(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })

const jwk = (key: KeyObject, more: object = {}) =>
  `new crypto.JWK(${JSON.stringify({ ...key.export({ format: 'jwk' }), ...more })})`
const verified = (text: string, key: string) => `new crypto.JWT(${quoted(text)}).verify(${key})`

test('A token that is signed by its key is accepted, whatever the algorithm', (t) => {
  const rows: [name: string, expression: string][] = []
  for (const size of ['256', '384', '512']) {
    const [hs, rs, es] = [`HS${size}`, `RS${size}`, `ES${size}` as keyof typeof curves]
    const pair = generateKeyPairSync('ec', { namedCurve: curves[es] })
    rows.push(
      [hs, verified(token({ alg: hs }, byHmac(`sha${size}`, 'secret')), "'secret'")],
      [
        `${hs} of bytes`,
        verified(token({ alg: hs }, byHmac(`sha${size}`, Buffer.from([1, 2]))), 'new Data([1, 2])'),
      ],
      [
        `${hs} of a JWK`,
        verified(
          token({ alg: hs }, byHmac(`sha${size}`, 'secret')),
          "new crypto.JWK({ kty: 'oct', k: 'c2VjcmV0' })",
        ),
      ],
      [rs, verified(token({ alg: rs }, byKey(`sha${size}`, rsa.privateKey)), jwk(rsa.publicKey))],
      [`${rs} of PEM`, verified(token({ alg: rs }, byKey(`sha${size}`, rsa.privateKey)), quoted(publicPem))],
      [
        `${rs} of bytes`,
        verified(token({ alg: rs }, byKey(`sha${size}`, rsa.privateKey)), `new Data(${quoted(publicPem)})`),
      ],
      [
        `${rs} of a PublicKey`,
        verified(
          token({ alg: rs }, byKey(`sha${size}`, rsa.privateKey)),
          `new crypto.PublicKey(${quoted(publicPem)})`,
        ),
      ],
      [
        `${rs} of the private PEM`,
        verified(token({ alg: rs }, byKey(`sha${size}`, rsa.privateKey)), quoted(privatePem)),
      ],
      [
        es,
        verified(
          token({ alg: es }, byKey(`sha${size}`, pair.privateKey)),
          jwk(pair.publicKey, { alg: es, use: 'sig' }),
        ),
      ],
    )
  }
  const results = evaluate(rows.map(([, expression]) => expression))
  rows.forEach(([name], at) => {
    t.equal(results[at], true, name)
  })
  t.end()
})

test('What a token says of itself does not choose how it is checked', (t) => {
  const good = token({ alg: 'RS256' }, byKey('sha256', rsa.privateKey))
  const [header = '', payload = '', signature = ''] = good.split('.')
  const asSecret = (text: string) => token({ alg: 'HS256' }, byHmac('sha256', text))
  const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' })
  const modulus = String(rsa.publicKey.export({ format: 'jwk' }).n)
  const p256 = token({ alg: 'ES256' }, byKey('sha256', ec.privateKey))
  const rows: Record<string, string> = {
    'a stranger’s key': verified(good, jwk(otherRsa.publicKey)),
    'another payload': verified(`${header}.${part({ sub: 'bob' })}.${signature}`, jwk(rsa.publicKey)),
    'another header': verified(`${part({ alg: 'RS512' })}.${payload}.${signature}`, jwk(rsa.publicKey)),
    'no signature': verified(`${header}.${payload}.`, jwk(rsa.publicKey)),
    none: verified(
      token({ alg: 'none' }, () => ''),
      jwk(rsa.publicKey),
    ),
    NONE: verified(
      token({ alg: 'NONE' }, () => ''),
      jwk(rsa.publicKey),
    ),
    'no algorithm': verified(
      token({}, () => ''),
      jwk(rsa.publicKey),
    ),
    'an algorithm of the prototype': verified(
      token({ alg: 'constructor' }, () => ''),
      jwk(rsa.publicKey),
    ),
    'HS256 with a public PEM': verified(asSecret(String(spki)), quoted(publicPem)),
    'HS256 with public PEM as bytes': verified(asSecret(String(spki)), `new Data(${quoted(publicPem)})`),
    'HS256 with a PublicKey': verified(asSecret(String(spki)), `new crypto.PublicKey(${quoted(publicPem)})`),
    'HS256 with the modulus of a JWK': verified(asSecret(modulus), jwk(rsa.publicKey)),
    'HS256 with an empty secret of a JWK': verified(asSecret(''), jwk(rsa.publicKey)),
    'RS256 with a secret': verified(good, "'secret'"),
    'RS256 with an EC key': verified(good, jwk(ec.publicKey)),
    'ES256 with an RSA key': verified(p256, jwk(rsa.publicKey)),
    'ES256 in DER': verified(
      token({ alg: 'ES256' }, (text) => sign('sha256', Buffer.from(text), ec.privateKey)),
      jwk(ec.publicKey),
    ),
    'ES384 on the curve of ES256': verified(
      token({ alg: 'ES384' }, byKey('sha384', ec.privateKey)),
      jwk(ec.publicKey),
    ),
    'ES256 with r and s of zero': verified(
      token({ alg: 'ES256' }, () => Buffer.alloc(64)),
      jwk(ec.publicKey),
    ),
    'a JWK for another algorithm': verified(good, jwk(rsa.publicKey, { alg: 'RS384' })),
    'a header that must be understood': verified(
      token({ alg: 'RS256', crit: ['exp'] }, byKey('sha256', rsa.privateKey)),
      jwk(rsa.publicKey),
    ),
    'a shorter HMAC': verified(
      token({ alg: 'HS256' }, (text) => byHmac('sha256', 's')(text).subarray(0, 16)),
      "'s'",
    ),
    'another secret': verified(token({ alg: 'HS256' }, byHmac('sha256', 'one')), "'two'"),
  }
  const results = evaluate(Object.values(rows))
  Object.keys(rows).forEach((name, at) => {
    t.equal(results[at], false, name)
  })
  t.end()
})

test('isValid tells a token from other texts, and shows what it says', (t) => {
  const good = token({ alg: 'HS256', kid: 'a' }, byHmac('sha256', 's'), { aud: 'shop', é: ['ü'] })
  const [header = '', payload = '', signature = ''] = good.split('.')
  t.same(evaluate([`(j => [j.isValid, j.header, j.payload])(new crypto.JWT(${quoted(good)}))`]), [
    [true, { alg: 'HS256', kid: 'a' }, { aud: 'shop', é: ['ü'] }],
  ])
  const wrong = [
    '',
    'a.b.c',
    'a.b',
    `${good}.x`,
    `${header}.${payload}`,
    `${header}=.${payload}.${signature}`,
    `${header}.${payload}.${signature}=`,
    `${header}.${payload} .${signature}`,
    `.${payload}.${signature}`,
    `${header}..${signature}`,
    `${Buffer.from('[1]').toString('base64url')}.${payload}.${signature}`,
    `${header}.${Buffer.from('"x"').toString('base64url')}.${signature}`,
    `${header}.${Buffer.from('null').toString('base64url')}.${signature}`,
    `${header}.${Buffer.from([0x7b, 0xff]).toString('base64url')}.${signature}`,
    `${part({ alg: 'PS256' })}.${payload}.${signature}`,
    `${part({ alg: ['HS256'] })}.${payload}.${signature}`,
    `${header}.${part({ a: 'x'.repeat(20_000) })}.${signature}`,
  ]
  const results = evaluate(
    wrong.map(
      (text) =>
        `(j => [j.isValid, typeof j.header, typeof j.payload, j.verify('s')])(new crypto.JWT(${quoted(text)}))`,
    ),
  )
  wrong.forEach((text, at) => {
    t.same(results[at], [false, 'undefined', 'undefined', false], text.slice(0, 60))
  })
  t.same(
    evaluate([
      'new crypto.JWT()',
      'new crypto.JWT(new Data("x"))',
      `new crypto.JWT(${quoted(good)}).verify('')`,
      `new crypto.JWT(${quoted(good)}).verify()`,
      `new crypto.JWT(${quoted(good)}).verify({ kty: 'oct' })`,
      `new crypto.JWT(${quoted(good)}).sign('s')`,
      `Object.keys(new crypto.JWT(${quoted(token({ alg: 'HS256', ['__proto__']: { a: 1 } }, () => 'xx'))}).header).length`,
    ]),
    [
      { throws: 'a JWT is made of a string, and not of undefined' },
      { throws: 'a JWT is made of a string, and not of an object' },
      { throws: 'verify(): the key is empty' },
      { throws: 'verify() takes a crypto.JWK, a crypto.PublicKey, a string or Data, and not undefined' },
      { throws: 'verify() takes a crypto.JWK, a crypto.PublicKey, a string or Data, and not an object' },
      { throws: 'crypto.JWT.sign() is not there; sign the text with crypto.Sign or crypto.Hmac' },
      2,
    ],
  )
  t.end()
})

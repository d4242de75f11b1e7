import { createHash, createHmac, generateKeyPairSync, sign, verify } from 'node:crypto'
import { test } from 'tap'
import { evaluate, quoted } from './testing/evaluate.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = {
  rsa: String(rsa.publicKey.export({ type: 'spki', format: 'pem' })),
  rsaPrivate: String(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  ec: String(ec.publicKey.export({ type: 'spki', format: 'pem' })),
  ecPrivate: String(ec.privateKey.export({ type: 'pkcs8', format: 'pem' })),
}

test('Hash and Hmac give what everybody gives, in one piece or many', (t) => {
  const long = 'x'.repeat(200_000)
  const rows: Record<string, unknown> = {
    "(h => (h.update('ab'), h.update(new Data('c')), h.digest('hex')))(new crypto.Hash('sha256'))":
      createHash('sha256').update('abc').digest('hex'),
    "(h => (h.update('6162', 'hex'), h.digest('base64')))(new crypto.Hash('MD5'))": createHash('md5')
      .update('ab')
      .digest('base64'),
    "(h => (h.update('x'.repeat(200000)), h.digest().toString('hex')))(new crypto.Hash('sha1'))": createHash(
      'sha1',
    )
      .update(long)
      .digest('hex'),
    "(h => [h.digest('hex') === h.digest('hex'), h.digest('base64url')])(new crypto.Hash('sm3'))": [
      true,
      createHash('sm3').digest('base64url'),
    ],
    "(h => (h.update('text'), h.digest('hex')))(new crypto.Hmac('sha512', 'key'))": createHmac(
      'sha512',
      'key',
    )
      .update('text')
      .digest('hex'),
    "(h => (h.update('text'), h.digest('hex')))(new crypto.Hmac('sha256', new Data([0, 255])))": createHmac(
      'sha256',
      Buffer.from([0, 255]),
    )
      .update('text')
      .digest('hex'),
  }
  t.same(evaluate(Object.keys(rows)), Object.values(rows))
  t.match(
    evaluate([
      "new crypto.Hash('whirlpool')",
      "new crypto.Hash('sha256').update(5)",
      "new crypto.Hash('sha256').digest('utf8')",
      "(h => (h.digest(), h.update('x')))(new crypto.Hash('sha256'))",
      "new crypto.Hmac('sha256')",
    ]),
    [
      { throws: /^there is no hash "whirlpool"; there are md5, sha1, / },
      { throws: 'what update() takes must be a string or Data, and not number' },
      { throws: 'there is no encoding utf8 for these bytes; there are hex, base64, base64url' },
      { throws: 'this is over: it was ended before, or not used for too long' },
      { throws: 'the key of an Hmac must be a string or Data, and not undefined' },
    ],
  )
  t.end()
})

test('Cipher and Decipher undo each other, in one piece or many', (t) => {
  const algorithms: Record<string, [key: number, iv: number]> = {
    'aes-128-cbc': [16, 16],
    'aes-256-ctr': [32, 16],
    'aes-192-ecb': [24, 0],
    'des-ede3-cbc': [24, 8],
    'sm4-cbc': [16, 16],
  }
  const results = evaluate(
    Object.entries(algorithms).map(
      ([name, [key, iv]]) => `(() => {
        const options = { key: 'k'.repeat(${key}), iv: ${iv} ? new Data('v'.repeat(${iv})) : null }
        const cipher = new crypto.Cipher('${name}', options)
        const secret = new Data().push(cipher.update('one ')).push(cipher.update('x'.repeat(100000))).push(cipher.final())
        const decipher = new crypto.Decipher('${name}', options)
        const text = new Data().push(decipher.update(secret)).push(decipher.final()).toString()
        return [text === 'one ' + 'x'.repeat(100000), secret.toString('hex').includes('78787878')]
      })()`,
    ),
  )
  t.same(
    results,
    Object.keys(algorithms).map(() => [true, false]),
  )
  t.match(
    evaluate([
      "new crypto.Cipher('aes-256-gcm', { key: 'k'.repeat(32), iv: 'v' })",
      "new crypto.Cipher('aes-128-cbc', { key: 'short', iv: 'v'.repeat(16) })",
      "new crypto.Cipher('aes-128-cbc', { key: 'k'.repeat(16) })",
      "new crypto.Cipher('aes-128-cbc')",
      "(d => (d.update('x'.repeat(16)), d.final()))(new crypto.Decipher('aes-128-cbc', { key: 'k'.repeat(16), iv: 'v'.repeat(16) }))",
    ]),
    [
      { throws: /^there is no cipher "aes-256-gcm"; there are aes-128-cbc, / },
      { throws: /^new crypto.Cipher\(aes-128-cbc\): / },
      { throws: /^new crypto.Cipher\(aes-128-cbc\): / },
      { throws: 'the second argument would be an object with key and iv' },
      { throws: /^the end of what is to be decrypted: / },
    ],
  )
  t.end()
})

test('What Sign signs, others verify; and the other way round', (t) => {
  const signature = sign('sha256', Buffer.from('text'), rsa.privateKey)
  const [byRsa, byEc, ...truths] = evaluate([
    `(s => (s.update('te'), s.update('xt'), s.sign(new crypto.PrivateKey(${quoted(pem.rsaPrivate)}), 'hex')))(new crypto.Sign('SHA256'))`,
    `(s => (s.update('text'), s.sign(new crypto.PrivateKey(new Data(${quoted(pem.ecPrivate)}))).toString('hex')))(new crypto.Sign('sha256'))`,
    `(v => (v.update('text'), v.verify(new crypto.PublicKey(${quoted(pem.rsa)}), '${signature.toString('base64')}', 'base64')))(new crypto.Verify('sha256'))`,
    `(v => (v.update('text'), v.verify(new crypto.PublicKey(new crypto.PrivateKey(${quoted(pem.rsaPrivate)})), new Data('${signature.toString('hex')}', 'hex'))))(new crypto.Verify('sha256'))`,
    `(v => (v.update('other'), v.verify(new crypto.PublicKey(${quoted(pem.rsa)}), '${signature.toString('hex')}', 'hex')))(new crypto.Verify('sha256'))`,
    `(v => (v.update('text'), v.verify(new crypto.PublicKey(${quoted(pem.ec)}), '${signature.toString('hex')}', 'hex')))(new crypto.Verify('sha256'))`,
    `new crypto.PublicKey(${quoted(pem.ec)}).toPEM().toString()`,
    `new crypto.PrivateKey(${quoted(pem.ecPrivate)}).toPEM().toString()`,
  ])
  t.ok(verify('sha256', Buffer.from('text'), rsa.publicKey, Buffer.from(String(byRsa), 'hex')))
  t.ok(verify('sha256', Buffer.from('text'), ec.publicKey, Buffer.from(String(byEc), 'hex')))
  t.same(truths, [true, true, false, false, pem.ec, pem.ecPrivate])
  t.end()
})

test('Keys that would take too long, or that are none, are refused', (t) => {
  const small = generateKeyPairSync('rsa', { modulusLength: 512 }).publicKey.export({
    type: 'spki',
    format: 'pem',
  })
  const large = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicExponent: 0x1_0001,
  }).publicKey.export({
    format: 'jwk',
  })
  const wide = { ...large, e: large.n }
  const edwards = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })
  t.match(
    evaluate([
      "new crypto.PublicKey('nothing')",
      "new crypto.PublicKey('')",
      'new crypto.PublicKey()',
      `new crypto.PrivateKey(${quoted(pem.rsa)})`,
      `new crypto.PrivateKey({ type: 'rsa', bits: 2048 })`,
      `new crypto.PublicKey(${quoted(String(small))})`,
      `new crypto.PublicKey(${quoted(String(edwards))})`,
      `new crypto.PublicKey('x'.repeat(40000))`,
      `new crypto.JWK(${JSON.stringify(wide)})`,
      `new crypto.JWK({ kty: 'RSA', n: 'AQAB' })`,
      `new crypto.JWK({ kty: 'RSA', n: 5, e: 'AQAB' })`,
      `new crypto.JWK({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' })`,
      `new crypto.JWK({ kty: 'oct', k: '' })`,
      `new crypto.JWK({ kty: 'OKP' })`,
      `new crypto.JWK({ kty: 'oct', k: 'c2VjcmV0', use: 'enc' })`,
      "new crypto.JWK('text')",
      "new crypto.Sign('sha256').sign('key')",
      `new crypto.Sign('sha256').sign(new crypto.PrivateKey(${quoted(pem.ecPrivate)}), { id: new Data('x') })`,
    ]),
    [
      { throws: /^this is not a public key in PEM: / },
      { throws: /^this is not a public key in PEM: / },
      { throws: 'a public key must be a string or Data, and not undefined' },
      { throws: /^this is not a private key in PEM: / },
      { throws: 'keys are not generated in a sandbox; give one as PEM' },
      { throws: 'a public key of RSA has 1024 to 4096 bits, and not 512' },
      { throws: /^a public key is of RSA or of a curve \(prime256v1, .*\), and not of ed25519$/ },
      { throws: 'a public key has at most 32768 characters' },
      { throws: /a JWK of RSA has a public exponent of at most 32 bits|this is no JWK/ },
      { throws: '"e" of the JWK is missing' },
      { throws: '"n" of a JWK is a string, and not number' },
      { throws: /^this is no JWK: / },
      { throws: '"k" of a JWK is base64url, and not empty' },
      { throws: '"kty" of a JWK is RSA, EC or oct, and not "OKP"' },
      { throws: 'this JWK is for encryption ("use": "enc"), and not for signatures' },
      { throws: 'a JWK is made of an object' },
      { throws: 'sign() takes a crypto.PrivateKey' },
      { throws: 'signatures with an id (SM2) are not there' },
    ],
  )
  t.end()
})

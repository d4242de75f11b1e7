import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { Application } from '../../../test/support/application.ts'
import { ask } from '../../../test/support/ask.ts'
import { runExample } from '../../../test/support/example.ts'
import { first } from '../../../test/support/process.ts'

const folder = new URL('.', import.meta.url)
const owner = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const stranger = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const soon = Math.floor(Date.now() / 1_000) + 600

function token(payload: object, header: object = {}, key: KeyObject = owner.privateKey): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'RS256', typ: 'JWT', kid: '2026', ...header })}.${part(payload)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
}

test('only a token that is signed, meant for us and not too old lets a request pass', async (t) => {
  await using app = await Application.start('shop')
  const manifests = readFileSync(new URL('plugins.yaml', folder), 'utf8')
  const sample = /"n":"([^"]+)"/.exec(manifests)?.[1] ?? ''
  const replace = { [sample]: owner.publicKey.export({ format: 'jwk' }).n ?? '' }
  await using sidecar = await runExample(folder, { env: { APP_PORT: String(app.port) }, replace })
  const port = first(sidecar.inbound)
  const withToken = (text: string) => ask(port, '/', { headers: { authorization: `Bearer ${text}` } })

  t.equal((await withToken(token({ aud: 'shop', exp: soon }))).text, 'shop')

  const wrong: Record<string, string> = {
    malformed: 'a.b.c',
    'of an unknown key': token({ aud: 'shop', exp: soon }, { kid: '2025' }),
    'not signed by that key': token({ aud: 'shop', exp: soon }, {}, stranger.privateKey),
    'for somebody else': token({ aud: 'bank', exp: soon }),
    'too old': token({ aud: 'shop', exp: soon - 3_600 }),
  }
  for (const [fault, text] of Object.entries(wrong)) {
    const answer = await withToken(text)
    t.equal(answer.status, 401, fault)
    t.equal(answer.text, `the token is ${fault}\n`)
    t.equal(answer.headers['www-authenticate'], 'Bearer')
  }
  const unsigned = `${token({ aud: 'shop', exp: soon }, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`
  t.equal((await withToken(unsigned)).status, 401, 'a token that says it needs no signature')
  t.equal((await ask(port)).text, 'the token is missing\n')
  t.equal(app.seen.length, 1)
})

import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib'
import { test } from 'tap'
import { evaluate } from './testing/evaluate.ts'

test('what is compressed here, others decompress; and the other way round', (t) => {
  const texts = ['', 'short', 'x'.repeat(65_536), 'ab'.repeat(70_000)]
  const expressions = texts.flatMap((text) => {
    const made = text.length < 10 ? `'${text}'` : `'${text.slice(0, 2)}'.repeat(${text.length / 2})`
    return [
      `zlib.gzip(new Data(${made})).toString('base64')`,
      `zlib.deflate(${made}).toString('base64')`,
      `zlib.gunzip(zlib.gzip(${made})).toString() === ${made}`,
      `zlib.inflate(zlib.deflate(${made})).toString() === ${made}`,
      `zlib.gunzip(new Data('${gzipSync(text).toString('base64')}', 'base64')).toString() === ${made}`,
      `zlib.inflate(new Data('${deflateSync(text).toString('base64')}', 'base64')).toString() === ${made}`,
    ]
  })
  const results = evaluate(expressions)
  texts.forEach((text, at) => {
    const [gzip, deflate, ...truths] = results.slice(6 * at, 6 * at + 6)
    t.equal(gunzipSync(Buffer.from(String(gzip), 'base64')).toString(), text)
    t.equal(inflateSync(Buffer.from(String(deflate), 'base64')).toString(), text)
    t.same(truths, [true, true, true, true])
  })
  t.end()
})

test('what is broken, or would be too much, is refused', (t) => {
  const bomb = gzipSync(Buffer.alloc(3 * 1_048_576)).toString('base64')
  t.match(
    evaluate([
      "zlib.gunzip(new Data('no'))",
      "zlib.inflate(new Data('no'))",
      `zlib.gunzip(new Data('${bomb}', 'base64'))`,
      'zlib.gunzip(null)',
      'zlib.gzip()',
      'zlib.gzip(5)',
      "zlib.gunzip(new Data('x'.repeat(2200000)))",
    ]),
    [
      { throws: /^zlib.gunzip\(\): / },
      { throws: /^zlib.inflate\(\): / },
      { throws: /takes and gives at most 2097152 bytes; decompressHTTP\(\) takes more/ },
      null,
      null,
      { throws: 'what zlib.gzip() takes must be a string or Data, and not number' },
      { throws: /takes and gives at most 2097152 bytes/ },
    ],
  )
  t.end()
})

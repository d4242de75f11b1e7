import { test } from 'tap'
import { jsonText, shortened } from './json-text.ts'

test('every text comes back from JSON as it was', async (t) => {
  for (let code = 0; code < 0x3000; code += 1) {
    const text = `a${String.fromCharCode(code)}b`
    if (JSON.parse(jsonText(text)) !== text) t.fail(`code ${code}`)
  }
  t.equal(jsonText('plain /path?x=1'), '"plain /path?x=1"')
})

test('nothing that a terminal or a reader of lines could take for a command is left in it', async (t) => {
  const hostile = jsonText('"\\\n\r\u0000\u001b[2J\u007f\u0085\u009b31m\u2028\u2029\ud800')
  t.equal(hostile, '"\\"\\\\\\n\\r\\u0000\\u001b[2J\\u007f\\u0085\\u009b31m\\u2028\\u2029\\ud800"')
  t.equal(jsonText('grüße'), '"grüße"')
})

test('long texts end in an ellipsis', async (t) => {
  t.equal(shortened('12345', 5), '12345')
  t.equal(shortened('123456', 5), '1234…')
})

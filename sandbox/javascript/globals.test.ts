import { test } from 'tap'
import { load } from './testing.ts'

const nobody = () => {
  throw new Error('nobody asks it')
}

test('what packages expect of every JavaScript is there, and agrees with the platform', async (t) => {
  using loaded = load(`export default {
    async onRequest() {
      const order = []
      queueMicrotask(() => order.push('job'))
      await null
      console.log('seen', { a: 1 })
      const bytes = new TextEncoder().encode('grün €')
      return { body: {
        bytes: [...bytes],
        text: new TextDecoder().decode(bytes),
        coded: ['', 'f', 'fo', 'foo', '\\u00ff\\u0000'].map(btoa),
        decoded: ['', 'Zg==', 'Zm8=', 'Zm9v', 'Zm8'].map(atob),
        wrong: ['a', '€'].map((text) => { try { return atob(text) } catch (error) { return error.message } }),
        order,
      } }
    },
  }`)
  const { text } = await loaded.ask({}, nobody)
  t.strictSame(JSON.parse(text), {
    bytes: [...new TextEncoder().encode('grün €')],
    text: 'grün €',
    coded: ['', 'f', 'fo', 'foo', '\u00ff\u0000'].map(btoa),
    decoded: ['', 'f', 'fo', 'foo', 'fo'],
    wrong: ['atob takes base64', 'atob takes base64'],
    order: ['job'],
  })
})

test('a header that HTTP cannot carry is a TypeError of the plugin', async (t) => {
  using loaded = load(`export default {
    onRequest(request) {
      const tried = [['bad name', 'x'], ['x-a', 'a\\nb']]
      const names = tried.map(([name, value]) => {
        try { request.headers.set(name, value) } catch (error) { return error instanceof TypeError }
      })
      return { body: names }
    },
  }`)
  const { text } = await loaded.ask({}, nobody)
  t.strictSame(JSON.parse(text), [true, true])
})

test('an answer with a key that it does not have is refused by name', async (t) => {
  using loaded = load('export default { onRequest() { return { statusCode: 418 } } }')
  await t.rejects(loaded.ask({}, nobody), {
    message: /an answer has status, reason, headers, body, and no "statusCode"/,
  })
})

test('a default export without callbacks says what it has', (t) => {
  t.throws(() => load('export default { onRequst() {} }'), { message: /none of onRequest.*it has onRequst/ })
  t.end()
})

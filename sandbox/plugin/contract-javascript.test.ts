import { test } from 'tap'
import { makeLoaders } from './loaders.ts'
import { loadSandboxCode } from './sandbox-code.ts'
import type { BehaviourName } from './testing/behaviours.ts'
import { testSandbox } from './testing/contract-suite.ts'

const onBad = (work: string): string => `export default {
  async onRequest(request, cx) {
    if (request.path === '/bad') ${work}
  },
}`

const sources: Record<BehaviourName, string | null> = {
  pass: 'export default { onRequest() {}, onResponse() {} }',
  'request header': `export default {
    onRequest({ headers }) {
      headers.set('x-plugin', 'seen')
      headers.delete('x-secret')
    },
  }`,
  'response header': `export default { onResponse({ headers }) { headers.set('x-plugin', 'seen') } }`,
  answer: `export default {
    onRequest({ path }) {
      if (path === '/answer') return { status: 418, headers: { 'x-plugin': 'own' }, body: 'short and stout' }
    },
  }`,
  'read body': `export default {
    async onRequest(request) {
      const { length } = await request.bytes()
      request.headers.set('x-length', length)
    },
  }`,
  'replace body': `export default {
    async onResponse(response) { response.body = (await response.text()).toUpperCase() },
  }`,
  'throw on request': onBad(`throw new Error('on purpose')`),
  'throw on response': `export default {
  onRequest(request, cx) { cx.state.path = request.path },
  onResponse(response, cx) { if (cx.state.path === '/bad') throw new Error('on purpose') },
}`,
  loop: onBad('for (;;);'),
  allocate: `const kept = []
export default {
  onRequest({ path }) { while (path === '/bad') kept.push(new Uint8Array(100_000).fill(1)) },
}`,
  'never answer': onBad('await new Promise(() => {})'),
  // a callback gives one answer; there is no way to give another
  'answer twice': null,
  'tcp pass': 'export default { onData() {} }',
  'tcp rewrite': `export default {
    onData({ from, bytes }) {
      if (from === 'downstream') return bytes.map((byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte))
    },
  }`,
  'tcp throw': `export default {
    onData({ from, bytes }) { if (from === 'downstream' && bytes[0] === 98) throw new Error('on purpose') },
  }`,
}

test('the sandbox of JavaScript plugins', async (t) => {
  const { javascript } = makeLoaders(await loadSandboxCode())
  if (!javascript) throw new Error('nobody runs JavaScript')
  await testSandbox(t, { language: 'javascript', loader: javascript, sources })
})

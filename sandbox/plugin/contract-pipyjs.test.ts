import { test } from 'tap'
import { makeLoaders } from './loaders.ts'
import { loadSandboxCode } from './sandbox-code.ts'
import type { BehaviourName } from './testing/behaviours.ts'
import { testSandbox } from './testing/contract-suite.ts'

/** A script that does `work` at the head of a request to /bad, before or behind the rest of the chain. */
const onBad = (work: string, isLate = false): string => `
pipy({ _path: '' })
  .pipeline()
  .handleMessageStart(msg => {
    _path = msg.head.path
    ${isLate ? '' : `if (_path === '/bad') { ${work} }`}
  })
  .chain()
  .handleMessageStart(() => {
    ${isLate ? `if (_path === '/bad') { ${work} }` : ''}
  })
`

const sources: Record<BehaviourName, string | null> = {
  pass: 'pipy().pipeline().chain()',
  'request header': `
pipy()
  .pipeline()
  .handleMessageStart(msg => (
    msg.head.headers['x-plugin'] = 'seen',
    delete msg.head.headers['x-secret']
  ))
  .chain()
`,
  'response header': `
pipy()
  .pipeline()
  .chain()
  .handleMessageStart(msg => msg.head.headers['x-plugin'] = 'seen')
`,
  answer: `
pipy({ _isOurs: false })
  .pipeline()
  .handleMessageStart(msg => _isOurs = msg.head.path === '/answer')
  .branch(
    () => _isOurs, $ => $.replaceMessage(
      () => new Message({ status: 418, headers: { 'x-plugin': 'own' } }, 'short and stout')
    ),
    $ => $.chain()
  )
`,
  'read body': `
pipy()
  .pipeline()
  .handleMessage(msg => msg.head.headers['x-length'] = String(msg.body ? msg.body.size : 0))
  .chain()
`,
  'replace body': `
pipy()
  .pipeline()
  .chain()
  .replaceMessage(msg => new Message(msg.head, msg.body.toString().toUpperCase()))
`,
  'throw on request': onBad(`throw new Error('on purpose')`),
  'throw on response': onBad(`throw new Error('on purpose')`, true),
  loop: onBad('for (;;);'),
  allocate: onBad('const kept = []; for (;;) kept.push(new Uint8Array(100000).fill(1))'),
  'never answer': `
pipy({ _path: '' })
  .pipeline()
  .handleMessageStart(msg => _path = msg.head.path)
  .wait(() => _path !== '/bad')
  .chain()
`,
  'answer twice': `
pipy({ _isBad: false })
  .pipeline()
  .handleMessageStart(msg => _isBad = msg.head.path === '/bad')
  .branch(
    () => _isBad, $ => $.replaceMessage(
      () => [new Message({ status: 201 }, 'first'), new Message({ status: 500 }, 'second')]
    ),
    $ => $.chain()
  )
`,
  'tcp pass': 'pipy().pipeline().chain()',
  'tcp rewrite': `
pipy()
  .pipeline()
  .replaceData(data => new Data(data.toString().toUpperCase()))
  .chain()
`,
  'tcp throw': `
pipy()
  .pipeline()
  .handleData(data => {
    if (data.toString() === 'bad') throw new Error('on purpose')
  })
  .chain()
`,
}

test('the sandbox of PipyJS plugins', async (t) => {
  const { pipyjs } = makeLoaders(await loadSandboxCode())
  if (!pipyjs) throw new Error('nobody runs PipyJS')
  await testSandbox(t, { language: 'pipyjs', loader: pipyjs, sources })
})

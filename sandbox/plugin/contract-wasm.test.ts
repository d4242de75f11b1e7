import { test } from 'tap'
import { behaviourGuest } from '../wasm/testing/behaviours.ts'
import { openLoader } from '../wasm/testing/loader.ts'
import { type BehaviourName, behaviours } from './testing/behaviours.ts'
import { testSandbox } from './testing/contract-suite.ts'

test('the sandbox of Wasm plugins', async (t) => {
  using wasm = openLoader()
  const names = Object.keys(behaviours) as BehaviourName[]
  const sources = Object.fromEntries(names.map((name) => [name, behaviourGuest(name) && name]))
  await testSandbox(t, {
    language: 'wasm',
    loader: (spec, host) => {
      const guest = behaviourGuest(spec.source as BehaviourName)
      if (!guest) throw new Error(`no guest can ${spec.source}`)
      return wasm.loader(wasm.specOf(spec, guest, { bodyWhileHeadersHeld: true }), host)
    },
    sources: sources as Record<BehaviourName, string | null>,
  })
})

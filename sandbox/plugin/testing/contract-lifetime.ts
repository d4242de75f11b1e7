import { Body } from '../../../chains/body.ts'
import { pause } from './bench.ts'
import type { ContractTest } from './contract-http.ts'

/** What is left when exchanges and plugins are over. */
export const lifetimeTests: readonly ContractTest[] = [
  {
    name: 'exchanges that are in a plugin when it is taken out end, and later ones are refused',
    needs: ['never answer'],
    async run(t, bench) {
      const { ask, plugin } = bench.load('never answer')
      const asked = ask({ path: '/bad' })
      await pause(20)
      t.equal(plugin.usage().exchanges, 1)
      plugin[Symbol.dispose]()
      t.equal((await asked).text, '!PLUGIN_THREW')
      t.match((await ask({ path: '/other' })).text, /^!PLUGIN_/)
      plugin[Symbol.dispose]()
    },
  },
  {
    name: 'many exchanges leave nothing behind',
    needs: ['request header', 'response header'],
    async run(t, bench) {
      for (const behaviour of ['request header', 'response header'] as const) {
        const { ask, plugin, told } = bench.load(behaviour)
        for (let count = 0; count < 1_000; count += 1) await ask()
        const before = plugin.usage().heapBytes
        for (let count = 0; count < 3_000; count += 1) await ask()
        t.equal(plugin.usage().exchanges, 0)
        // memory comes in large steps
        t.ok(
          plugin.usage().heapBytes <= before + 1_048_576,
          `${before} bytes became ${plugin.usage().heapBytes}`,
        )
        t.strictSame([told.failures, told.restarts], [[], 0])
      }
    },
  },
  {
    name: 'exchanges beside each other do not mix',
    needs: ['read body'],
    async run(t, bench) {
      const { ask } = bench.load('read body')
      const lengths = Array.from({ length: 50 }, (_, index) => index * 7)
      const ended = await Promise.all(
        lengths.map((length) => ask({ method: 'POST', body: Body.of('x'.repeat(length)) })),
      )
      t.strictSame(
        ended.map(({ sent }) => Number(sent[0]?.headers.get('x-length'))),
        lengths,
      )
    },
  },
]

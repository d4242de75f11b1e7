import type { ContractTest } from './contract-http.ts'

/** Connections. */
export const tcpTests: readonly ContractTest[] = [
  {
    name: 'a connection that the plugin passes carries bytes both ways, to its end',
    needs: ['tcp pass'],
    async run(t, bench) {
      const { talk, told } = bench.load('tcp pass')
      t.equal(await talk(['one ', 'two ', 'three']), 'one two three')
      t.equal(await talk([]), '')
      t.strictSame(told.failures, [])
    },
  },
  {
    name: 'a plugin rewrites what goes through a connection',
    needs: ['tcp rewrite'],
    async run(t, bench) {
      t.equal(await bench.load('tcp rewrite').talk(['one ', 'two']), 'ONE TWO')
    },
  },
  {
    name: 'a connection in which the plugin throws is cut, another is not',
    needs: ['tcp throw'],
    async run(t, bench) {
      const { talk, told } = bench.load('tcp throw')
      const [bad, other] = await Promise.all([talk(['good ', 'bad']), talk(['good ', 'too'])])
      t.match(bad, /!PLUGIN_THREW$/)
      t.equal(other, 'good too')
      t.match(told.failures, [{ kind: 'exception' }])
    },
  },
]

/**
 * What every sandbox must hold, whatever language is behind it. A test file of a language gives its loader and the
 * plugins below, written in that language, and calls {@link testSandbox}.
 */

import type { Test } from 'tap'
import type { SandboxUnderTest } from './behaviours.ts'
import { openBench } from './bench.ts'
import { failureTests } from './contract-failures.ts'
import { httpTests } from './contract-http.ts'
import { lifetimeTests } from './contract-lifetime.ts'
import { tcpTests } from './contract-tcp.ts'

/** Runs the whole suite as subtests of `t`. */
export async function testSandbox(t: Test, sandbox: SandboxUnderTest): Promise<void> {
  const tests = [...httpTests, ...failureTests, ...lifetimeTests, ...tcpTests]
  for (const { name, needs, run } of tests) {
    const isSaid = needs.every((behaviour) => sandbox.sources[behaviour] !== null)
    await t.test(name, { skip: isSaid ? false : 'the language has no such thing' }, async (own) => {
      using bench = openBench(sandbox)
      await run(own, bench)
      bench.assertEmpty(own)
    })
  }
}

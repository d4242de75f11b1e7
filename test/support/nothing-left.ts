import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

/** Kinds of things that keep a process alive and that a proxy might forget. */
const watched = new Set([
  'TCPSocketWrap',
  'TCPServerWrap',
  'TCPConnectWrap',
  'TCPWrap',
  'Timeout',
  'Immediate',
  'FSReqCallback',
  'GetAddrInfoReqWrap',
])

function openThings(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) {
    if (watched.has(kind)) counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

/**
 * Asserts that nothing is open at the end of its scope that was not open here.
 *
 * Declare it first, with `await using`, so that it is disposed of last. What
 * ends in the background is given two seconds for it.
 */
export function assertNothingLeft(t: Test): AsyncDisposable {
  const before = openThings()
  const surplus = () => {
    const extra: Record<string, number> = {}
    for (const [kind, count] of Object.entries(openThings())) {
      const more = count - (before[kind] ?? 0)
      if (more > 0) extra[kind] = more
    }
    return extra
  }
  return {
    async [Symbol.asyncDispose]() {
      for (let waited = 0; waited < 100 && Object.keys(surplus()).length > 0; waited += 1) await sleep(20)
      t.strictSame(surplus(), {}, 'no socket, server or timer is left')
    },
  }
}

/** Waits until `isTrue` holds, looking every few milliseconds. Throws when it never does. */
export async function eventually(isTrue: () => boolean, what: string, withinMs = 5_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms until ${what}`)
    await sleep(5)
  }
}

/** One scenario of a file: its name is a sentence. */
export type Scenario = readonly [name: string, run: (t: Test) => Promise<void>]

/** Runs scenarios beside each other as subtests of `t`, and asserts at the end that they left nothing open. */
export async function beside(t: Test, scenarios: readonly Scenario[], jobs = 8): Promise<void> {
  await using _left = assertNothingLeft(t)
  t.jobs = jobs
  await Promise.all(scenarios.map(([name, run]) => t.test(name, { buffered: true }, run)))
}

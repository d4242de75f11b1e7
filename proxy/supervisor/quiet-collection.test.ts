import { setImmediate, setTimeout } from 'node:timers/promises'
import { test } from 'tap'
import { collectWhenQuiet } from './quiet-collection.ts'

/** Keeps this thread busy, while its timers go on. */
async function beBusy(forMs: number): Promise<void> {
  const end = performance.now() + forMs
  while (performance.now() < end) await setImmediate()
}

const until = async (isThere: () => boolean): Promise<void> => {
  while (!isThere()) await setTimeout(50)
}

test('what nobody holds any more is collected once the thread is quiet', async (t) => {
  const left = new WeakRef(Array.from({ length: 100_000 }, (_, index) => ({ index })))
  collectWhenQuiet()
  await until(() => left.deref() === undefined)
  t.equal(left.deref(), undefined)
})

test('a busy thread is left alone, and collects once when it is not busy any more', async (t) => {
  let collections = 0
  collectWhenQuiet(() => {
    collections += 1
  })
  await beBusy(1_200)
  t.equal(collections, 0)
  await until(() => collections > 0)
  await setTimeout(1_200)
  t.equal(collections, 1)
})

test('a second generation waits anew, instead of twice', async (t) => {
  const done: string[] = []
  collectWhenQuiet(() => done.push('first'))
  collectWhenQuiet(() => done.push('second'))
  await until(() => done.length > 0)
  await setTimeout(700)
  t.strictSame(done, ['second'])
})

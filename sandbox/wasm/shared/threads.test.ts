import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { Log } from '../../../chains/context.ts'
import { SharedStateHome } from './home.ts'
import { heapStart, place } from './layout.ts'
import { TestThread } from './testing/threads.ts'
import { WorkerSharedState } from './worker-state.ts'

function logTo(lines: string[]): Log {
  const write = (message: string) => lines.push(message)
  return { debug: write, info: write, warn: write, error: write }
}

test('two threads that append 10,000 times each by cas lose nothing', async (t) => {
  const home = new SharedStateHome()
  const seat = home.seat()
  const state = new WorkerSharedState(seat)
  state.acquire('vm')
  const threads = [new TestThread(home, 'append'), new TestThread(home, 'append')]
  const results = await Promise.all(threads.map((thread) => thread.next<{ retries: number }>()))
  t.comment(results)
  const text = state.getData('vm', 'text')
  t.equal(text?.cas, 20_000)
  const letters = Buffer.from(text?.value ?? []).toString()
  for (const letter of new Set(letters)) t.equal(letters.split(letter).length - 1, 10_000)
  t.equal(letters.length, 20_000)
  await Promise.all(threads.map((thread) => thread.end()))
  t.equal(state.getData('vm', 'text')?.value.length, 20_000)
  state[Symbol.dispose]()
  home[Symbol.dispose]()
})

test('a thread that ends with the lock in its hand hangs nobody, and what it had begun is undone', async (t) => {
  const lines: string[] = []
  const home = new SharedStateHome(logTo(lines))
  const seat = home.seat()
  const state = new WorkerSharedState(seat, logTo(lines))
  state.setData('vm', 'key', Buffer.from('value'), 0)
  const hanging = new TestThread(home, 'hang')
  t.equal(await hanging.next(), 'inside')
  await hanging.terminate()
  t.match(state.getData('vm', 'key'), { cas: 1 })
  t.equal(state.setData('vm', 'key', Buffer.from('next'), 0), 'ok')
  t.match(state.getData('vm', 'key'), { cas: 2 })
  t.match(lines, [/its lock was opened/, /was broken off, and undone/])
  t.equal(lines.length, 2)
  state[Symbol.dispose]()
  home[Symbol.dispose]()
})

test('a thread that waits for one that hangs gives up, rather than wait for ever', async (t) => {
  const home = new SharedStateHome()
  const state = new WorkerSharedState(home.seat())
  const told = new Promise<void>((resolve) => state.registerQueue('vm', 'queue', resolve))
  state.enqueue(state.resolveQueue('vm', 'queue') as number, Buffer.from('entry'))
  const hanging = new TestThread(home, 'hang')
  await hanging.next()
  t.throws(() => state.getData('vm', 'key'), { name: 'LockTimeout', message: /was not free for 1000 ms/ })
  await hanging.terminate()
  t.equal(state.getData('vm', 'key'), null)
  await told
  state[Symbol.dispose]()
  home[Symbol.dispose]()
})

test('threads that are ended anywhere leave a state that is whole', async (t) => {
  const home = new SharedStateHome()
  const seat = home.seat()
  const words = new Int32Array(seat.buffer)
  const state = new WorkerSharedState(seat)
  state.acquire('all')
  for (let round = 0; round < 12; round += 1) {
    const threads = [new TestThread(home, 'churn'), new TestThread(home, 'churn')]
    await Promise.all(threads.map((thread) => thread.next()))
    await sleep(20 + ((round * 7) % 13))
    await threads[0]?.terminate()
    t.equal(state.setData('all', 'after', Uint8Array.of(round), 0), 'ok')
    await sleep(5)
    await threads[1]?.terminate()
    t.strictSame(state.getData('all', 'after')?.value, Uint8Array.of(round))
    for (let key = 0; key < 20; key += 1) {
      const value = state.getData('all', `key ${key}`)?.value
      if (value?.some((byte) => byte !== value[0])) t.fail('a value is of two threads')
    }
  }
  state[Symbol.dispose]()
  const top = words[place.topOrder] as number
  for (let tries = 0; tries < 200 && words[place.freeHeads + top] !== heapStart; tries += 1) await sleep(10)
  t.equal(words[place.freeHeads + top], heapStart, 'every block has come back')
  home[Symbol.dispose]()
})

test('the shared state keeps no process alive', async (t) => {
  const home = new URL('home.ts', import.meta.url).href
  const worker = new URL('worker-state.ts', import.meta.url).href
  const source = `
    import { SharedStateHome } from '${home}'
    import { WorkerSharedState } from '${worker}'
    const state = new WorkerSharedState(new SharedStateHome().seat())
    const token = state.registerQueue('vm', 'q', () => {})
    setTimeout(() => state.enqueue(token, new Uint8Array(1)), 50)
    console.log('over')`
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    timeout: 20_000,
    encoding: 'utf8',
  })
  t.strictSame({ status, stdout }, { status: 0, stdout: 'over\n' })
})

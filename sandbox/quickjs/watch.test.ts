import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Watch } from './watch.ts'

test("time in which the process did not run is not counted as a call's", async (t) => {
  const file = fileURLToPath(new URL('./testing/busy-guest.ts', import.meta.url))
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  for (let pause = 0; pause < 5; pause += 1) {
    await sleep(100)
    child.kill('SIGSTOP')
    await sleep(250)
    child.kill('SIGCONT')
  }
  await new Promise((resolve) => child.once('close', resolve))
  const { calls, failed } = JSON.parse(output.split('\n')[1] ?? '') as Record<'calls' | 'failed', number>
  t.ok(calls > 10, `${calls} calls`)
  t.equal(failed, 0)
})

test('a call is late after its time, and is stopped for good a little later', async (t) => {
  const watch = new Watch()
  watch.start(20)
  const startedAt = performance.now()
  t.ok(watch.tick() > 0)
  while (!watch.isLate && performance.now() - startedAt < 5_000) watch.tick()
  t.ok(performance.now() - startedAt >= 20)
  t.equal(watch.interrupt(), 1)
  t.ok(watch.isInterrupted)
  while (!watch.isStopped && performance.now() - startedAt < 5_000) watch.tick()
  t.ok(watch.tick() < 0)
  watch.start(20)
  t.ok(watch.tick() < 0, 'for good')
})

test('functions of the host count by what they take', async (t) => {
  const watch = new Watch()
  const fuel = new WebAssembly.Global({ value: 'i32', mutable: true }, 1_000)
  watch.attach(fuel)
  watch.start(10)
  watch.tick()
  const until = performance.now() + 12
  while (performance.now() < until);
  watch.called(3)
  t.equal(fuel.value, 1_000)
  watch.called(5)
  t.equal(fuel.value, 0)
  t.equal(watch.interrupt(), 1)
})

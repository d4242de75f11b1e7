import { test } from 'tap'
import { Sweeper } from './sweeper.ts'

test("time in which the process does not run is nobody's silence", async (t) => {
  const sweeper = new Sweeper()
  const began = sweeper.now
  let sweeps = 0
  const waited = await new Promise<number>((resolve) => {
    const swept = {
      sweep(now: number) {
        sweeps += 1
        if (sweeps === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)
        if (sweeps < 3) return
        sweeper.remove(swept)
        resolve(now - began)
      },
    }
    sweeper.add(swept)
  })
  t.ok(waited >= 290 && waited <= 600, `three sweeps, ${waited} ms`)
})

test("time in which nothing is swept is nobody's silence", async (t) => {
  const sweeper = new Sweeper()
  const nothing = { sweep: () => {} }
  sweeper.add(nothing)
  sweeper.remove(nothing)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const began = sweeper.now
  const waited = await new Promise<number>((resolve) => {
    const swept = {
      sweep(now: number) {
        sweeper.remove(swept)
        resolve(now - began)
      },
    }
    sweeper.add(swept)
  })
  t.ok(waited <= 200, `one sweep, ${waited} ms`)
})

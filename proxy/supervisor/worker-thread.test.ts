import v8 from 'node:v8'
import { MessageChannel } from 'node:worker_threads'
import { test } from 'tap'

test("V8's flags are set when a worker is started, not when the code is loaded", async (t) => {
  const flags = t.capture(v8, 'setFlagsFromString', v8.setFlagsFromString)
  const { WorkerThread } = await import('./worker-thread.ts')
  t.strictSame(flags(), [])
  const setup = {
    workerId: 1,
    idPrefix: 'x-1',
    reusePort: false,
    logLevel: 'info',
    heartbeat: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
    heartbeatMs: 1_000,
    keyValues: new MessageChannel().port2,
  } as const
  const url = new URL('../../test/fixtures/scripted-worker.ts', import.meta.url)
  const thread = new WorkerThread(url, setup, 4_000)
  t.match(flags(), [{ args: ['--initial-old-space-size=128'] }])
  await thread.ready
  await thread.stop(4_000)
})

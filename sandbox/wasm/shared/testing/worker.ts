/** A thread that works on the shared state in one of the ways that tests ask for; see `threads.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import type { SharedSeat } from '../home.ts'
import { place } from '../layout.ts'
import { openShared } from '../parts.ts'
import { WorkerSharedState } from '../worker-state.ts'

const { seat, job } = workerData as { seat: SharedSeat; job: keyof typeof jobs }
const say = (message: unknown) => parentPort?.postMessage(message)

const jobs = {
  /** Adds 10,000 characters to one value. */
  append: () => {
    const state = new WorkerSharedState(seat)
    state.acquire('vm')
    let retries = 0
    for (let done = 0; done < 10_000; ) {
      const now = state.getData('vm', 'text')
      const longer = new Uint8Array((now?.value.length ?? 0) + 1)
      longer.set(now?.value ?? [])
      longer.fill(0x61 + (seat.seat % 26), longer.length - 1)
      if (state.setData('vm', 'text', longer, now?.cas ?? 0) === 'ok') done += 1
      else retries += 1
    }
    say({ retries })
    parentPort?.once('message', () => state[Symbol.dispose]())
  },
  /** Registers a queue and says what it is told, and finds. */
  listen: () => {
    const state = new WorkerSharedState(seat)
    const token = state.registerQueue('vm', 'queue', () => {
      const entry = state.dequeue(token as number)
      say({ entry: typeof entry === 'string' ? entry : Buffer.from(entry).toString() })
    })
    say({ token })
    parentPort?.once('message', () => state[Symbol.dispose]())
  },
  /** Changes everything that can be changed, for ever. */
  churn: () => {
    const state = new WorkerSharedState(seat)
    let round = 0
    say('begun')
    for (;;) {
      round += 1
      const hold = acquireIfThereIsRoom(state, `vm ${round % 3}`)
      const bytes = new Uint8Array((round * 97) % 5_000).fill(seat.seat)
      state.setData(`vm ${round % 3}`, `key ${round % 50}`, bytes, 0)
      state.setData('all', `key ${round % 20}`, bytes, 0)
      const token = state.registerQueue('all', `queue ${round % 5}`, () => {})
      if (token !== 'full') {
        state.enqueue(token, bytes)
        if (round % 3 > 0) state.dequeue(token)
      }
      hold?.[Symbol.dispose]()
    }
  },
  /** Takes the lock, changes something by halves, and never comes back. */
  hang: () => {
    const { memory, heap } = openShared(seat.buffer, seat.seat, () => {})
    memory.transaction(() => {
      memory.write(place.nextCas, 1_000_000)
      heap.allocate(100)
      say('inside')
      for (;;);
    })
  },
} as const

jobs[job]()

/** Vm ids that die are buried by the main thread, which is not as fast as this. */
function acquireIfThereIsRoom(state: WorkerSharedState, vmId: string): Disposable | null {
  try {
    return state.acquire(vmId)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

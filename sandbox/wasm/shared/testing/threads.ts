import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { SharedSeat, SharedStateHome } from '../home.ts'

/** A worker that does one of the jobs of `worker.ts`, and is counted out of `home` when it ends. */
export class TestThread {
  readonly worker: Worker
  readonly seat: SharedSeat
  readonly #exit: Promise<unknown>

  constructor(home: SharedStateHome, job: string) {
    this.seat = home.seat()
    this.worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: { seat: this.seat, job } })
    this.#exit = once(this.worker, 'exit').then(() => home.vacate(this.seat))
  }

  /** The next thing that it says. */
  async next<T>(): Promise<T> {
    const [message] = await once(this.worker, 'message')
    return message as T
  }

  /** Lets it end by itself. */
  async end(): Promise<void> {
    this.worker.postMessage('end')
    await this.#exit
  }

  /** Ends it wherever it is. */
  async terminate(): Promise<void> {
    await this.worker.terminate()
    await this.#exit
  }
}

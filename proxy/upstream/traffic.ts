import type { Socket } from 'node:net'
import type { Counter } from '../../chains/telemetry.ts'
import type { Sweeper, Swept } from '../net/sweeper.ts'

/** Where the bytes of the connections to a cluster are counted, framing and all. */
export interface TrafficCounters {
  readonly sent: Counter
  readonly received: Counter
}

/** Counts what goes through one upstream socket: ten times a second and at its close, so that no byte costs anything. */
export class Traffic implements Swept {
  readonly #socket: Socket
  readonly #counters: TrafficCounters
  #sent = 0
  #received = 0

  private constructor(socket: Socket, counters: TrafficCounters) {
    this.#socket = socket
    this.#counters = counters
  }

  /** Counts `socket` until it closes. Does nothing without counters. */
  static watch(socket: Socket, counters: TrafficCounters | null, sweeper: Sweeper): void {
    if (!counters) return
    const traffic = new Traffic(socket, counters)
    sweeper.add(traffic)
    socket.once('close', () => {
      sweeper.remove(traffic)
      traffic.sweep()
    })
  }

  sweep(): void {
    const { bytesWritten, bytesRead } = this.#socket
    this.#counters.sent.add(bytesWritten - this.#sent)
    this.#counters.received.add(bytesRead - this.#received)
    this.#sent = bytesWritten
    this.#received = bytesRead
  }
}

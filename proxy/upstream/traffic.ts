import type { Socket } from 'node:net'
import type { Counter } from '../../chains/telemetry.ts'
import type { Sweeper, Swept } from '../net/sweeper.ts'

/** Where the bytes of the connections to a cluster are counted, framing and all. */
export interface TrafficCounters {
  readonly sent: Counter
  readonly received: Counter
}

/** Counts what goes through one upstream socket: ten times a second, after each exchange, and at its close. */
export class Traffic implements Swept {
  readonly #socket: Socket
  readonly #counters: TrafficCounters
  #sent = 0
  #received = 0

  private constructor(socket: Socket, counters: TrafficCounters) {
    this.#socket = socket
    this.#counters = counters
  }

  /** Counts `socket` until it closes. Null without counters. */
  static watch(socket: Socket, counters: TrafficCounters | null, sweeper: Sweeper): Traffic | null {
    if (!counters) return null
    const traffic = new Traffic(socket, counters)
    sweeper.add(traffic)
    socket.once('close', () => {
      sweeper.remove(traffic)
      traffic.sweep()
    })
    return traffic
  }

  /** Counts what has gone through since the last time. */
  sweep(): void {
    const { bytesWritten, bytesRead } = this.#socket
    this.#counters.sent.add(bytesWritten - this.#sent)
    this.#counters.received.add(bytesRead - this.#received)
    this.#sent = bytesWritten
    this.#received = bytesRead
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { RawConnection } from './connection.ts'
import { endOfAnswer, fieldOf, statusOf, takeMessage, type WireMessage } from './messages.ts'
import { rawClient } from './raw.ts'

/** What a load came to. */
export interface LoadResult {
  readonly requests: number
  /** What went wrong: any answer that is not a whole 200, any connection that broke. */
  readonly failures: readonly string[]
  /** How often each body came. */
  readonly bodies: ReadonlyMap<string, number>
}

/** A steady load. Disposing of it stops it, too. */
export interface Load extends AsyncDisposable {
  /** How many requests were answered so far. */
  readonly requests: number
  /** Lets every connection finish the request that it is at. */
  stop(): Promise<LoadResult>
}

/**
 * Sends requests on so many keep-alive connections, one after the other on
 * each, and looks at every answer. A connection is opened anew only when an
 * answer says `Connection: close`.
 */
export function startLoad(port: number, connections: number, request: string, pauseMs = 1): Load {
  const failures: string[] = []
  const bodies = new Map<string, number>()
  let requests = 0
  let isStopped = false

  const ask = async (client: RawConnection): Promise<boolean> => {
    const from = client.size
    client.send(request)
    let answer: WireMessage | null = null
    const isWhole = () => {
      answer = takeMessage(client.received, from, endOfAnswer)
      return answer !== null || client.ending !== null
    }
    await client.until(isWhole, 'a whole answer', 10_000)
    const whole = answer as WireMessage | null
    if (!whole || statusOf(whole) !== 200) {
      failures.push(JSON.stringify(client.text.slice(from, from + 300)) || 'the connection ended')
      return false
    }
    requests += 1
    const body = whole.body.toString('latin1')
    bodies.set(body, (bodies.get(body) ?? 0) + 1)
    return fieldOf(whole, 'connection') !== 'close'
  }

  const run = async (): Promise<void> => {
    while (!isStopped) {
      await using client = await rawClient(port)
      // What came is kept, so a connection must not grow old.
      for (let index = 0; index < 500 && !isStopped; index += 1) {
        if (!(await ask(client))) break
        await sleep(pauseMs)
      }
    }
  }
  const runs = Array.from({ length: connections }, () =>
    run().catch((trouble: unknown) => void failures.push(String(trouble))),
  )
  const stop = async (): Promise<LoadResult> => {
    isStopped = true
    await Promise.all(runs)
    return { requests, failures, bodies }
  }
  return {
    get requests() {
      return requests
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}

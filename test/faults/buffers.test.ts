import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { RawConnection } from '../support/connection.ts'
import { endOfAnswer, takeMessage } from '../support/messages.ts'
import { beside } from '../support/nothing-left.ts'
import { RawUpstream, rawClient, type UpstreamConnection } from '../support/raw.ts'
import { type Sidecar, startSidecar } from '../support/sidecar.ts'

/** Time enough for the kernel to fill up behind clients that do not read. */
const fillMs = 300

/** Answers each request in chunks that consist of the letter that the path names. */
async function sendChunks(connection: UpstreamConnection, crowd: Crowd): Promise<void> {
  for (;;) {
    const request = await connection.nextRequest(60_000)
    if (!request) break
    const letter = request.startLine.charAt('GET /'.length)
    const chunks = crowd.sizes.map((size) => `${size.toString(16)}\r\n${letter.repeat(size)}\r\n`)
    connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    connection.send(chunks.join('').repeat(roundsOf(crowd)))
    connection.send('0\r\n\r\n')
  }
}

const sumOf = (sizes: readonly number[]) => sizes.reduce((sum, size) => sum + size, 0)
const roundsOf = ({ sizes, leastBytes }: Crowd) => Math.ceil(leastBytes / sumOf(sizes))

interface Crowd {
  readonly version: '1.0' | '1.1'
  /** Sizes of the chunks, which take turns. */
  readonly sizes: readonly number[]
  /** More than the kernel keeps for a client that does not read, so that it is full again and again. */
  readonly leastBytes: number
}

async function ask(sidecar: Sidecar, letter: string, version: string): Promise<RawConnection> {
  const client = await rawClient(sidecar.port)
  client.send(`GET /${letter} HTTP/${version}\r\nHost: app.test\r\n\r\n`)
  return client
}

/** Reads on after {@link RawConnection.pause}, with little breaks, so that the kernel stays nearly full. */
function resumeSlowly(client: RawConnection): void {
  let reads = 0
  client.socket.on('data', () => {
    client.pause()
    setTimeout(() => client.resume(), reads++ % 4)
  })
  client.resume()
}

/** Each letter of the whole answer, with how often it is there. */
async function lettersOf(client: RawConnection, { version }: Crowd): Promise<Record<string, number>> {
  if (version === '1.0') await client.untilEnded(8_000)
  else await client.until(() => client.endsWith('\r\n0\r\n\r\n'), 'the whole answer', 8_000)
  const counts = new Uint32Array(256)
  for (const byte of takeMessage(client.received, 0, endOfAnswer, true)?.body ?? [])
    (counts[byte] as number) += 1
  const found: Record<string, number> = {}
  for (const [byte, count] of counts.entries()) if (count > 0) found[String.fromCharCode(byte)] = count
  return found
}

/** Some clients do not read at first, and then slowly; each must get its own bytes, all of them and no others. */
async function eachGetsItsOwn(t: Test, crowd: Crowd): Promise<void> {
  await using upstream = await RawUpstream.listen((connection) => sendChunks(connection, crowd))
  await using sidecar = await startSidecar({ upstreams: [upstream.port] })
  await using clients = new AsyncDisposableStack()
  const found: Record<string, Record<string, number>> = {}
  const slow = new Map<string, RawConnection>()
  for (const letter of 'abcdefgh') {
    const client = clients.use(await ask(sidecar, letter, crowd.version))
    client.pause()
    slow.set(letter, client)
  }
  await sleep(fillMs)
  for (const client of slow.values()) resumeSlowly(client)
  const readAll = async ([letter, client]: readonly [string, RawConnection]) => {
    found[letter] = await lettersOf(client, crowd)
  }
  await Promise.all([...slow].map(readAll))
  const wanted = roundsOf(crowd) * sumOf(crowd.sizes)
  for (const [letter, letters] of Object.entries(found)) {
    t.strictSame(letters, { [letter]: wanted }, `who asked for ${letter} got that, and all of it`)
  }
}

test('clients that are slow to read large chunks get whole answers, and only their own bytes', (t) =>
  beside(
    t,
    [
      [
        'when the chunk framing is taken off for clients that speak HTTP/1.0',
        (t) => eachGetsItsOwn(t, { version: '1.0', sizes: [24_000], leastBytes: 12_000_000 }),
      ],
      [
        'when large and small chunks take turns',
        (t) => eachGetsItsOwn(t, { version: '1.1', sizes: [20_000, 1_500], leastBytes: 10_000_000 }),
      ],
    ],
    1,
  ))

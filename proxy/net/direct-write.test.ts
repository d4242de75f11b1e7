import { once } from 'node:events'
import net from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import type { RawConnection } from '../../test/support/connection.ts'
import { assertNothingLeft, eventually } from '../../test/support/nothing-left.ts'
import { rawClient } from '../../test/support/raw.ts'
import { ReadBuffers } from './read-buffers.ts'
import { Transport, type TransportHandler } from './transport.ts'

/** A handler that keeps what it was told. */
class Recorder implements TransportHandler {
  readonly events: string[] = []
  error: Error | null = null
  onDrained: () => void = () => {}
  onData(): boolean {
    return true
  }
  onEnd(): void {
    this.events.push('end')
  }
  onDrain(): void {
    this.events.push('drain')
    this.onDrained()
  }
  onClose(error: Error | null): void {
    this.events.push('close')
    this.error = error
  }
  count(event: string): number {
    return this.events.filter((each) => each === event).length
  }
}

interface Pair extends AsyncDisposable {
  readonly transport: Transport
  readonly told: Recorder
  /** The other side, which does not read yet. */
  readonly peer: RawConnection
}

/** A transport that has written once, so that it knows how this Node writes, and its peer. */
async function connected(): Promise<Pair> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[net.Socket]>
  const peer = await rawClient((server.address() as net.AddressInfo).port)
  const [socket] = await accepted
  const told = new Recorder()
  const transport = Transport.accept(socket, new ReadBuffers(), told)
  transport.write('first ')
  await peer.untilText('first ')
  peer.pause()
  return {
    transport,
    told,
    peer,
    async [Symbol.asyncDispose]() {
      transport.destroy()
      await peer[Symbol.asyncDispose]()
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}

let written = 0

/** Texts that are all different, so that none can stand in for another. */
function text(length: number): string {
  written += 1
  return `${written} `.repeat(Math.ceil(length / 2)).slice(0, length)
}

/** Writes texts until one waits; returns all of them. */
function fill(transport: Transport): string {
  let all = 'first '
  for (;;) {
    const next = text(10_000)
    all += next
    if (!transport.write(next)) return all
  }
}

test('bytes leave in the order in which they were written, however they are written', async (t) => {
  await using _left = assertNothingLeft(t)
  await using pair = await connected()
  const { transport, told, peer } = pair
  const sizes = [3, 200, 16_384, 5_000, 16_385, 70_000, 1, 40_000]
  let all = 'first '
  let isMet = true
  let fulls = 0
  for (let turn = 0; turn < 60; turn += 1) {
    const drained = new Promise<void>((resolve) => {
      told.onDrained = () => {
        isMet &&= transport.waitingBytes === 0
        resolve()
      }
    })
    let isFull = false
    // what is full is written to further, for a while
    for (let after = 0; after < 12; ) {
      const size = sizes[(turn + written) % sizes.length] as number
      const next = text(size)
      all += next
      const isCorked = written % 5 === 0
      if (isCorked) transport.cork()
      const isTaken = transport.write(size % 2 === 0 ? next : Buffer.from(next, 'latin1'))
      if (isCorked) transport.uncork()
      if (!isTaken) isFull = true
      if (isFull) after += 1
    }
    fulls += 1
    peer.resume()
    await drained
    if (turn % 2 === 0) peer.pause()
  }
  peer.resume()
  await peer.untilSize(all.length)
  t.ok(peer.text === all, 'nothing is lost, doubled or moved')
  t.equal(told.count('drain'), fulls, 'each time it was full it said so once')
  t.ok(isMet, 'and only when nothing waited any more')
})

test('a write that waits is counted, outlives the garbage collector, and ends with one drain', async (t) => {
  await using _left = assertNothingLeft(t)
  await using pair = await connected()
  const { transport, told, peer } = pair
  const all = fill(transport)
  t.equal(transport.socket.writableLength, 0, 'Node knows nothing of it')
  t.equal(transport.waitingBytes, 10_000)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let round = 0; round < 5; round += 1) {
    collect()
    await new Promise(setImmediate)
  }
  t.strictSame(told.events, [])
  peer.resume()
  await eventually(() => told.count('drain') === 1, 'it drains')
  t.equal(transport.waitingBytes, 0)
  await peer.untilSize(all.length)
  t.ok(peer.text === all)
  t.strictSame(told.events, ['drain'])
})

test('an end behind a write that waits delivers all of it first', async (t) => {
  await using _left = assertNothingLeft(t)
  await using pair = await connected()
  const { transport, told, peer } = pair
  const all = fill(transport) + text(20)
  transport.write(all.slice(-20))
  transport.end()
  await new Promise(setImmediate)
  t.equal(peer.ending, null)
  peer.resume()
  t.equal(await peer.untilEnded(), 'end')
  t.ok(peer.text === all)
  peer.end()
  await eventually(() => told.count('close') === 1, 'it is over')
  t.equal(told.error, null)
})

test('a reset behind an end reaches the peer as a reset when bytes wait', async (t) => {
  await using _left = assertNothingLeft(t)
  await using pair = await connected()
  const { transport, told, peer } = pair
  fill(transport)
  transport.end()
  await new Promise((resolve) => setTimeout(resolve, 20))
  transport.reset()
  peer.resume()
  t.equal(await peer.untilEnded(), 'reset')
  await eventually(() => told.count('close') === 1, 'it is over')
  t.strictSame(told.events, ['close'])
  t.equal(told.error, null)
})

test('a reset right behind an end closes, and all that was written arrives', async (t) => {
  await using _left = assertNothingLeft(t)
  await using pair = await connected()
  const { transport, told, peer } = pair
  transport.write('last')
  transport.end()
  transport.reset()
  peer.resume()
  await peer.untilEnded()
  t.equal(peer.text, 'first last')
  await eventually(() => told.count('close') === 1, 'it is over')
  t.equal(told.error, null)
})

test('nothing but the close is said of a connection that is destroyed while a write waits', async (t) => {
  await using _left = assertNothingLeft(t)
  await using pair = await connected()
  const { transport, told, peer } = pair
  fill(transport)
  transport.destroy()
  peer.resume()
  await peer.untilEnded()
  await eventually(() => told.count('close') === 1, 'it is over')
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.strictSame(told.events, ['close'])
  t.equal(transport.write('too late'), false)
})

test('a peer that resets while a write waits closes the connection with an error', async (t) => {
  await using _left = assertNothingLeft(t)
  await using pair = await connected()
  const { transport, told, peer } = pair
  fill(transport)
  // nobody reads, so that the write alone can notice
  transport.pause()
  peer.reset()
  await eventually(() => told.count('close') === 1, 'it is over')
  t.strictSame(told.events, ['close'])
  t.match(told.error, { code: /ECONNRESET|EPIPE/ })
})

/** A copy of the module of its own, which has seen no socket yet. */
async function freshModule(name: string): Promise<typeof import('./direct-write.ts')> {
  return await import(`./direct-write.ts?${name}`)
}

/** A socket as far as it is looked at, whose handle writes as told. */
function socketThat(write: (request: unknown, text: string) => unknown) {
  class Handle {
    writeLatin1String(request: unknown, text: string): unknown {
      return write(request, text)
    }
  }
  const handle = new Handle()
  const socket = { _handle: handle, connecting: false, writable: true, writableLength: 0 }
  return { handle, socket: socket as unknown as net.Socket }
}

test('a Node whose sockets write in another way is left to write by itself', async (t) => {
  const answers: readonly [name: string, request: unknown, result: unknown][] = [
    ['a request of its own', { oncomplete: null }, 0],
    ['no request, but no known answer', null, undefined],
  ]
  for (const [name, request, result] of answers) {
    const { writeDirectly } = await freshModule(name.replaceAll(' ', '-'))
    const seen: unknown[] = []
    const { handle, socket } = socketThat((given, text) => {
      seen.push([given, text])
      return result
    })
    const refuse = () => t.equal(writeDirectly(socket, 'ours', t.fail), 'refused', name)
    refuse()
    refuse()
    t.strictSame(seen, [], 'nothing is tried')
    t.equal(handle.writeLatin1String(request, 'its own'), result)
    refuse()
    t.strictSame(seen, [[request, 'its own']])
    t.notOk(Object.hasOwn(handle, 'writeLatin1String'), 'and the handle is as it was')
  }
})

test('a socket that connects, is closed, or has something waiting is left to itself', async (t) => {
  const { writeDirectly } = await freshModule('states')
  const { handle, socket } = socketThat(() => 0)
  writeDirectly(socket, 'a', t.fail)
  handle.writeLatin1String(null, 'its own')
  t.equal(writeDirectly(socket, 'a', t.fail), 'taken')
  t.equal(writeDirectly(socket, 'a'.repeat(16_385), t.fail), 'refused')
  for (const change of [
    { connecting: true },
    { writable: false },
    { writableLength: 1 },
    { _handle: null },
  ]) {
    const changed = { ...socket, ...change } as unknown as net.Socket
    t.equal(writeDirectly(changed, 'a', t.fail), 'refused', JSON.stringify(change))
  }
})

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { assertNothingLeft, beside, eventually } from '../support/nothing-left.ts'
import { RawUpstream, rawClient } from '../support/raw.ts'
import { startSidecar } from '../support/sidecar.ts'

const mebibyte = 1 << 20
const bigBytes = 64 * mebibyte

/** One mebibyte that differs with its number, so that a lost, doubled or moved piece changes the sum. */
function piece(index: number): Buffer {
  const bytes = Buffer.alloc(mebibyte)
  for (let at = 0; at < mebibyte; at += 4)
    bytes.writeUInt32LE((Math.imul(index + 1, 0x9e3779b1) + at) >>> 0, at)
  return bytes
}

/** Writes the big body with back-pressure; resolves with its checksum. */
async function sendBig(socket: Socket, frame: (bytes: Buffer) => Buffer[]): Promise<string> {
  const sum = createHash('sha1')
  for (let index = 0; index < bigBytes / mebibyte; index += 1) {
    const bytes = piece(index)
    sum.update(bytes)
    let isTaken = true
    for (const part of frame(bytes)) isTaken = socket.write(part)
    if (!isTaken) await once(socket, 'drain')
  }
  return sum.digest('hex')
}

const plain = (bytes: Buffer): Buffer[] => [bytes]
/** Chunks of many sizes, and one of one byte. */
const chunked = (bytes: Buffer): Buffer[] =>
  [bytes.subarray(0, 1), bytes.subarray(1, 70_000), bytes.subarray(70_000)].flatMap((part) => [
    Buffer.from(`${part.length.toString(16)}\r\n`),
    part,
    Buffer.from('\r\n'),
  ])

/** Takes a head, then checks the sum of a body of known length; the rest of the connection is not looked at. */
function sumOf(socket: Socket): Promise<{ head: string; sum: string }> {
  return new Promise((resolve, reject) => {
    let head: string | null = null
    let held = Buffer.alloc(0)
    let left = bigBytes
    const sum = createHash('sha1')
    const take = (bytes: Buffer) => {
      sum.update(bytes.subarray(0, left))
      left -= Math.min(left, bytes.length)
      if (left === 0) resolve({ head: head ?? '', sum: sum.digest('hex') })
    }
    const onData = (bytes: Buffer) => {
      if (left === 0) return
      if (head !== null) return take(bytes)
      held = Buffer.concat([held, bytes])
      const end = held.indexOf('\r\n\r\n')
      if (end < 0) return
      head = held.toString('latin1', 0, end)
      take(held.subarray(end + 4))
    }
    socket.on('data', onData)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`closed with ${left} bytes missing`)))
  })
}

test('64 MiB of known length go through in both directions with the same checksum', async (t) => {
  await using _left = assertNothingLeft(t)
  const sums: Record<string, string> = {}
  const server = createServer(async (socket) => {
    socket.on('error', () => {})
    const got = await sumOf(socket)
    sums.received = got.sum
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bigBytes}\r\n\r\n`)
    sums.answered = await sendBig(socket, plain)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  {
    await using sidecar = await startSidecar({ upstreams: [port] })
    const client = connect(sidecar.port, '127.0.0.1')
    client.write(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${bigBytes}\r\n\r\n`)
    const answer = sumOf(client)
    sums.sent = await sendBig(client, plain)
    const got = await answer
    t.equal(sums.received, sums.sent, 'upwards')
    t.equal(got.sum, sums.answered, 'downwards')
    t.match(got.head, /^HTTP\/1\.1 200 OK\r\n/)
    client.destroy()
    await once(client, 'close')
  }
  await new Promise((resolve) => server.close(resolve))
})

/** Takes chunk framing off a stream of the proxy's making. */
function chunkSum(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const sum = createHash('sha1')
    let held: Buffer = Buffer.alloc(0)
    let hasHead = false
    let left = 0
    const step = (): boolean => {
      if (left > 0) {
        const data = held.subarray(0, Math.max(0, Math.min(left - 2, held.length)))
        sum.update(data)
        left -= data.length
        held = held.subarray(data.length)
        if (left > 2 || held.length < 2) return false
        held = held.subarray(2)
        left = 0
        return true
      }
      const end = held.indexOf(hasHead ? '\r\n' : '\r\n\r\n')
      if (end < 0) return false
      const line = held.toString('latin1', 0, end)
      held = held.subarray(end + (hasHead ? 2 : 4))
      if (!hasHead) {
        hasHead = true
        return true
      }
      const size = Number.parseInt(line, 16)
      if (size === 0) resolve(sum.digest('hex'))
      left = size + 2
      return size > 0
    }
    socket.on('data', (bytes: Buffer) => {
      held = held.length > 0 ? Buffer.concat([held, bytes]) : bytes
      while (step());
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed before the last chunk')))
  })
}

test('64 MiB in chunks go through in both directions with the same checksum', async (t) => {
  await using _left = assertNothingLeft(t)
  const sums: Record<string, string> = {}
  const server = createServer(async (socket) => {
    socket.on('error', () => {})
    sums.received = await chunkSum(socket)
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    sums.answered = await sendBig(socket, chunked)
    socket.write('0\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  {
    await using sidecar = await startSidecar({ upstreams: [port] })
    const client = connect(sidecar.port, '127.0.0.1')
    client.write('POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n')
    const answer = chunkSum(client)
    sums.sent = await sendBig(client, chunked)
    client.write('0\r\n\r\n')
    t.equal(await answer, sums.answered, 'downwards')
    t.equal(sums.received, sums.sent, 'upwards')
    client.destroy()
    await once(client, 'close')
  }
  await new Promise((resolve) => server.close(resolve))
})

/** Waits until `count` stands still. */
async function untilStill(count: () => number): Promise<number> {
  let before = -1
  while (count() !== before) {
    before = count()
    await sleep(150)
  }
  return before
}

test('a side that does not read holds up the other, and goes on when it reads again', (t) =>
  beside(t, [
    [
      'an upstream that does not read a chunked request holds up the client',
      async (t) => {
        await using upstream = await RawUpstream.listen((connection) => connection.pause())
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.send('POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n')
        const chunk = Buffer.concat([
          Buffer.from('100000\r\n'),
          Buffer.alloc(mebibyte, 'x'),
          Buffer.from('\r\n'),
        ])
        for (let sent = 0; sent < 32; sent += 1) client.send(chunk)
        const stuck = await untilStill(() => client.socket.writableLength)
        t.ok(stuck > 16 * mebibyte, `the client still holds ${stuck >> 20} MiB`)
        const connection = await upstream.connection(0)
        connection.resume()
        client.send('0\r\n\r\n')
        await connection.until(() => connection.endsWith('\r\n0\r\n\r\n'), 'the last chunk')
        t.ok(connection.size > 32 * mebibyte)
      },
    ],
    [
      'a client that does not read a chunked answer holds up the upstream',
      async (t) => {
        await using upstream = await RawUpstream.listen(async (connection) => {
          await connection.nextRequest()
          connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
          const chunk = Buffer.concat([
            Buffer.from('100000\r\n'),
            Buffer.alloc(mebibyte, 'x'),
            Buffer.from('\r\n'),
          ])
          for (let sent = 0; sent < 32; sent += 1) connection.send(chunk)
          connection.send('0\r\n\r\n')
        })
        await using sidecar = await startSidecar({ upstreams: [upstream.port] })
        await using client = await rawClient(sidecar.port)
        client.pause()
        client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n')
        const connection = await upstream.connection(0)
        await eventually(() => connection.socket.writableLength > 0, 'the answer is being sent')
        const stuck = await untilStill(() => connection.socket.writableLength)
        t.ok(stuck > 16 * mebibyte, `the upstream still holds ${stuck >> 20} MiB`)
        client.resume()
        await client.until(() => client.endsWith('\r\n0\r\n\r\n'), 'the last chunk')
      },
    ],
  ]))

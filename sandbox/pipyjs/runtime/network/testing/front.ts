/** A TCP chain behind a real port, as the edge stands in front of it. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { TcpChain } from '../../../../../chains/chain.ts'
import { ProxyError } from '../../../../../chains/failures.ts'
import { testContext, testOutcome } from '../../../../../chains/policy/testing.ts'
import { Pipe } from '../../../../plugin/lending/pipe.ts'

/** Listens on a port of the kernel's choice; dispose of it when its clients are gone. */
export async function frontOf(chain: TcpChain): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  const ends: Promise<unknown>[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    void carry(socket, chain)
    ends.push(new Promise((resolve) => socket.once('close', resolve)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await Promise.all(ends)
    },
  }
}

async function carry(socket: Socket, chain: TcpChain): Promise<void> {
  const cx = testContext()
  const [given, taken] = [new Pipe(), new Pipe()]
  socket.on('error', () => {})
  socket.once('close', () => {
    const error = socket.errored ? new ProxyError('CLIENT_GONE', 'the client left') : null
    if (error) cx.abort(error)
    cx.finish(testOutcome({ error }))
  })
  try {
    const stream = await chain.run({ readable: given.body, writable: taken, destroy: () => {} }, cx)
    stream.writable.source = given.body
    socket.on('data', (bytes: Buffer) => void stream.writable.write(bytes))
    socket.once('end', () => stream.writable.end(null))
    stream.readable.open({
      write: (bytes) => {
        socket.write(Buffer.from(bytes))
        return true
      },
      end: () => socket.end(),
      fail: () => socket.destroy(),
    })
  } catch {
    socket.destroy()
  }
}

import { Duplex } from 'node:stream'
import { Body } from '../../../../chains/body.ts'
import type { ByteStream } from '../../../../chains/stream.ts'

/** A connection of ours as `node:http2` wants it, with back-pressure both ways. Owns `stream`: they end together. */
export function duplexOf(stream: ByteStream): Duplex {
  const { readable, writable } = stream
  let isOpen = false
  let written: (() => void) | null = null
  const duplex = new Duplex({
    read() {
      if (isOpen) {
        readable.resume()
        return
      }
      isOpen = true
      readable.open({
        write: (bytes) => duplex.push(Buffer.from(bytes)),
        end: () => void duplex.push(null),
        fail: (error) => void duplex.destroy(error),
      })
    },
    write(bytes: Buffer, _encoding, done) {
      // first: the room may be there again before write returns
      written = done
      if (writable.write(bytes)) takeMore()
    },
    final(done) {
      writable.end(null)
      done()
    },
    destroy(error, done) {
      stream.destroy()
      done(error)
    },
  })
  const takeMore = (): void => {
    const done = written
    written = null
    done?.()
  }
  writable.source = new Body(
    { open: () => {}, resume: takeMore, cancel: (reason) => void duplex.destroy(reason) },
    null,
  )
  return duplex
}

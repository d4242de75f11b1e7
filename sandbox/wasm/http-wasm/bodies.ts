import { Body, type BodySink } from '../../../chains/body.ts'
import type { Context } from '../../../chains/context.ts'
import { ProxyError } from '../../../chains/failures.ts'
import { HeaderList } from '../../../chains/headers.ts'

/** A whole body, with what came behind it. */
export interface Collected {
  readonly bytes: Buffer
  readonly trailers: HeaderList
}

/** Collects a body, for as long as its exchange lasts. Rejects with `BODY_TOO_LARGE` past `limit` bytes, and cancels the rest. */
export function collect(body: Body, limit: number, cx: Context): Promise<Collected> {
  const chunks: Buffer[] = []
  let total = 0
  return new Promise((resolve, reject) => {
    let stopAbort = () => {}
    const giveUp = (reason: ProxyError) => {
      body.cancel(reason)
      stopAbort()
      reject(reason)
    }
    const tooLarge = () =>
      giveUp(new ProxyError('BODY_TOO_LARGE', `the body is over the ${limit} bytes that a plugin may hold`))
    stopAbort = cx.onAbort((reason) => giveUp(reason))
    if (cx.abortReason) return
    if (body.length !== null && body.length > limit) {
      tooLarge()
      return
    }
    body.open({
      write: (bytes) => {
        total += bytes.length
        if (total <= limit) chunks.push(Buffer.from(bytes))
        else tooLarge()
        return total <= limit
      },
      end: (trailers) => {
        stopAbort()
        resolve({ bytes: Buffer.concat(chunks, total), trailers: trailers?.clone() ?? new HeaderList() })
      },
      fail: (error) => {
        stopAbort()
        reject(error)
      },
    })
  })
}

/** A body of bytes that are here, and trailers; null when there are neither. */
export function bodyOf(bytes: Uint8Array, trailers: HeaderList): Body | null {
  if (trailers.size > 0) return withTrailers(Body.of(bytes), trailers)
  return bytes.length > 0 ? Body.of(bytes) : null
}

/** The same body with more behind it. Its length is unknown then: only a chunked one can have trailers. */
export function withTrailers(body: Body, more: HeaderList): Body {
  const end = (sink: BodySink, came: HeaderList | null) => {
    const all = came?.clone() ?? new HeaderList()
    for (const [name, value] of more) all.append(name, value)
    sink.end(all)
  }
  return new Body(
    {
      open: (sink) =>
        body.open({
          write: (bytes) => sink.write(bytes),
          cork: () => sink.cork?.(),
          uncork: () => sink.uncork?.() ?? true,
          end: (trailers) => end(sink, trailers),
          fail: (error) => sink.fail(error),
        }),
      resume: () => body.resume(),
      cancel: (reason) => body.cancel(reason),
    },
    null,
  )
}

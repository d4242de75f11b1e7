import type { Body } from '../../../chains/body.ts'
import { ProxyError } from '../../../chains/failures.ts'
import type { HeaderList } from '../../../chains/headers.ts'
import type { HttpResponse } from '../../../chains/http.ts'

/** A whole answer as guests see it: names in lower case and values in turn, `:status` first. */
export interface Answer {
  readonly headers: readonly string[]
  readonly body: Uint8Array
  readonly trailers: readonly string[]
}

/** Collects an answer. Rejects with `BODY_TOO_LARGE` past `limit` bytes of body, and cancels the rest. */
export async function collectAnswer(response: HttpResponse, limit: number): Promise<Answer> {
  response.tunnel?.destroy()
  const { body, headers, status } = response
  const pairs = [':status', String(status), ...lowered(headers)]
  const length = body?.length ?? response.declaredLength
  // framing is gone from the headers of the chains; guests know it as a field like any other
  if (length !== null && !headers.has('content-length')) pairs.push('content-length', String(length))
  if (!body) return { headers: pairs, body: Buffer.alloc(0), trailers: [] }
  return { headers: pairs, ...(await collect(body, limit)) }
}

function collect(body: Body, limit: number): Promise<Pick<Answer, 'body' | 'trailers'>> {
  const chunks: Buffer[] = []
  let total = 0
  return new Promise((resolve, reject) => {
    const refuse = (): false => {
      const reason = new ProxyError(
        'BODY_TOO_LARGE',
        `the answer is over the ${limit} bytes that may be held`,
      )
      body.cancel(reason)
      reject(reason)
      return false
    }
    if (body.length !== null && body.length > limit) {
      refuse()
      return
    }
    body.open({
      write(bytes) {
        total += bytes.length
        if (total > limit) return refuse()
        chunks.push(Buffer.from(bytes))
        return true
      },
      end: (trailers) =>
        resolve({ body: Buffer.concat(chunks, total), trailers: trailers ? lowered(trailers) : [] }),
      fail: reject,
    })
  })
}

function lowered({ fields }: HeaderList): string[] {
  return fields.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text))
}

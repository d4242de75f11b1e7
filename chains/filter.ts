import type { Context } from './context.ts'
import type { HttpRequest, HttpResponse } from './http.ts'
import type { ByteStream } from './stream.ts'

/**
 * The rest of the chain: give it an input, and it promises the answer.
 *
 * A filter calls it once (the usual case), never (it answers by itself), or
 * again (a retry, with a body that can still be read). It may throw at once
 * instead of rejecting: call it inside `try`, and await it there.
 */
export type Next<In, Out> = (input: In, cx: Context) => Promise<Out>

/**
 * One step of a chain: what happens to an input on its way up, and to the
 * answer on its way back.
 *
 * A filter that only looks at the input returns `next(input, cx)` as it is, and
 * so costs nothing on the way back. One that only wants to know how the
 * exchange ended registers with {@link Context.onEnd}, and does not await.
 * It reports trouble by throwing a `ProxyError`; it never touches a socket.
 */
export type Filter<In, Out> = (input: In, cx: Context, next: Next<In, Out>) => Promise<Out>

/** A filter of the two HTTP chains: a request in, a response out. */
export type HttpFilter = Filter<HttpRequest, HttpResponse>

/** A filter of the two TCP chains: the client's side of the connection in, the upstream's out. */
export type TcpFilter = Filter<ByteStream, ByteStream>

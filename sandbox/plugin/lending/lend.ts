import type { Body } from '../../../chains/body.ts'
import { HeaderList } from '../../../chains/headers.ts'
import type { HttpRequest } from '../../../chains/http.ts'
import { replayable } from '../../../chains/policy/replay.ts'

/** Something that is given to somebody who may fail with it in hand, and can then be given to somebody else. */
export interface Lent<T> {
  /** The same as it came; whoever had it before has it no more. */
  take(): T
  /** Whether {@link take} would still give all of it. */
  canTakeAgain(): boolean
  /** It stays where it is: nothing more is remembered. Call it at last, or the rest of the body is held for ever. */
  release(): void
}

/** Lends a request: whoever takes it may edit the head freely. Of its body at most `maxBytes` are remembered. */
export function lendRequest(request: HttpRequest, maxBytes: number): Lent<HttpRequest> {
  const replay = replayable(request, maxBytes)
  if (replay) {
    return {
      take: () => replay.next(),
      canTakeAgain: () => replay.canRepeat(),
      release: () => replay.release(),
    }
  }
  const headers = request.headers.clone()
  return {
    take: () => ({ ...request, headers: headers.clone() }),
    canTakeAgain: () => request.body === null || !request.body.isTaken,
    release: () => {},
  }
}

/** Lends a body, of which at most `maxBytes` are remembered. One that is known to be longer can be taken until it is read. */
export function lendBody(body: Body, maxBytes: number): Lent<Body> {
  const lent = lendRequest({ ...carrier, headers: new HeaderList(), body }, maxBytes)
  return {
    take: () => lent.take().body as Body,
    canTakeAgain: () => lent.canTakeAgain(),
    release: () => lent.release(),
  }
}

/** A request whose body is all that matters. */
const carrier = { version: '1.1', method: 'POST', path: '/', upgrade: null, expectsContinue: false } as const

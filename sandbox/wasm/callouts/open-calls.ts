import type { Context } from '../../../chains/context.ts'
import { ProxyError } from '../../../chains/failures.ts'
import type { PluginSpec } from '../../../chains/plugins.ts'
import type { PluginHost } from '../../plugin/contract.ts'
import { Directory } from './directory.ts'

/** Calls of one root context that may be open at a time. */
export const maxOpenCalls = 256
/** What an `i32` of a guest can say at most: more is a negative number that was read as a positive one. */
const longestMs = 0x7fff_ffff

/** One call that is open. */
export interface OpenCall {
  readonly id: number
  /** An exchange of its own. Aborts when the call is given up. */
  readonly cx: Context
}

/** The calls of one root context that are open, with the bounds that hold for all of them. */
export class OpenCalls implements Disposable {
  readonly directory: Directory
  /** The longest body or message that is held, in bytes. */
  readonly maxBytes: number
  readonly #host: PluginHost
  readonly #pauseMs: number
  readonly #nextId: () => number
  readonly #open = new Map<number, { readonly call: OpenCall; readonly stop: () => void }>()
  #isDisposed = false

  constructor(spec: PluginSpec, host: PluginHost, nextId: () => number) {
    const { bufferKiB, pauseMs } = spec.policy.limits
    this.directory = new Directory(spec, host)
    this.maxBytes = bufferKiB * 1_024
    this.#host = host
    this.#pauseMs = pauseMs
    this.#nextId = nextId
  }

  /** Whether another may begin. */
  get hasRoom(): boolean {
    return !this.#isDisposed && this.#open.size < maxOpenCalls
  }

  /** How long a call may take that asked for `timeoutMs`, 0 being as long as it likes; null if that is no time. */
  limitOf(timeoutMs: number): number | null {
    if (timeoutMs < 0 || timeoutMs > longestMs) return null
    return timeoutMs === 0 ? this.#pauseMs : Math.min(timeoutMs, this.#pauseMs)
  }

  /** A call begins. It is aborted by `REQUEST_TIMEOUT` after `withinMs`; null is no limit. */
  begin(withinMs: number | null): OpenCall {
    const call = { id: this.#nextId(), cx: this.directory.newContext() }
    const late = () => new ProxyError('REQUEST_TIMEOUT', `no answer within ${withinMs} ms`)
    const stop =
      withinMs === null ? () => {} : this.#host.tools.clock.after(withinMs, () => call.cx.abort(late()))
    this.#open.set(call.id, { call, stop })
    return call
  }

  /** A call is over. False if it was already. */
  finish({ id, cx }: OpenCall): boolean {
    const entry = this.#open.get(id)
    if (!entry) return false
    this.#open.delete(id)
    entry.stop()
    const { clock } = this.#host.tools
    const durationMs = clock.now() - cx.startedAt
    const error = cx.abortReason
    cx.finish({ status: 0, error, response: null, receivedBytes: 0, sentBytes: 0, durationMs })
    return true
  }

  /** Tells the root context something, unless all is over. Nobody above could catch what that throws. */
  tell(action: () => void): void {
    if (this.#isDisposed) return
    try {
      action()
    } catch (thrown) {
      this.#host.tools.log.error('an answer to a call-out could not be delivered', { error: String(thrown) })
    }
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return
    this.#isDisposed = true
    const reason = new ProxyError('UPSTREAM_RESET', 'the plugin was unloaded')
    for (const { call } of [...this.#open.values()]) {
      call.cx.abort(reason)
      this.finish(call)
    }
    this.directory[Symbol.dispose]()
  }
}

import type { Context } from '../../../chains/context.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import { PluginError, pluginFailure } from '../../plugin/contract.ts'
import type { StreamHost } from './stream-host.ts'

/** How long a guest may keep the ways of one stream waiting, each for itself. */
export class PauseTimers<Name extends string> {
  readonly #host: Pick<StreamHost, 'root' | 'meter' | 'clock'>
  readonly #cx: Context
  readonly #tooLong: (error: ProxyError) => void
  readonly #stops = new Map<Name, () => void>()

  /** `tooLong` is told when a guest alone has kept a way waiting for `pauseMs`; that is counted. */
  constructor(
    host: Pick<StreamHost, 'root' | 'meter' | 'clock'>,
    cx: Context,
    tooLong: (error: ProxyError) => void,
  ) {
    this.#host = host
    this.#cx = cx
    this.#tooLong = tooLong
  }

  /** Whether the guest keeps that way waiting now. */
  set(name: Name, isWaiting: boolean): void {
    const stop = this.#stops.get(name)
    if (!isWaiting) {
      stop?.()
      this.#stops.delete(name)
    } else if (!stop) this.#stops.set(name, this.#start())
  }

  /** Nobody waits any more. */
  stop(): void {
    for (const stop of this.#stops.values()) stop()
    this.#stops.clear()
  }

  #start(): () => void {
    const { root, meter, clock } = this.#host
    const { pauseMs } = root.spec.policy.limits
    return clock.after(pauseMs, () => {
      const reason = `kept an exchange waiting for more than ${pauseMs} ms`
      const error = new PluginError(root.spec, 'pause', null, reason)
      meter.failed('pause', error, this.#cx)
      this.#tooLong(pluginFailure(error))
    })
  }
}

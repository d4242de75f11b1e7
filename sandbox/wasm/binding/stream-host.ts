import type { Context } from '../../../chains/context.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import type { Clock } from '../../../chains/tools.ts'
import type { PluginMeter } from '../../plugin/contract.ts'
import type { RootHost, VirtualMachine } from '../contract.ts'
import type { StreamProperties } from '../proxy-wasm/properties/stream-properties.ts'

/** A stream of either kind, as its plugin holds it. */
export interface LiveStream {
  /** It fails from outside. */
  fail(error: ProxyError): void
  /** Whether it waits for the guest, and so ends with it. */
  readonly isHeld: boolean
  end(outcome: null): void
}

/** What each new stream is given. */
export interface StreamParts {
  readonly vm: VirtualMachine
  readonly root: RootHost
  readonly properties: StreamProperties
  /** Told by the stream when it is over. */
  readonly onEnd: (stream: LiveStream) => void
}

/** One plugin in one instance, as the filters see it. */
export interface StreamHost {
  readonly root: RootHost
  readonly meter: PluginMeter
  readonly clock: Clock
  /** Makes a stream, and counts it until it is over. */
  open<Stream extends LiveStream>(make: (parts: StreamParts) => Stream, cx: Context): Stream
}

import type { Context, Outcome } from '../../../../chains/context.ts'
import type { HttpRequest, HttpResponse } from '../../../../chains/http.ts'
import type { Clock } from '../../../../chains/tools.ts'
import { type RootHost, type Status, status } from '../../contract.ts'
import { type AttributeSource, attribute } from './attributes.ts'

/** What plugins may set on one exchange, all together. */
export const setPropertyLimits = { count: 256, bytes: 65_536 } as const

/** What plugins have set on one exchange, by path. */
interface SetProperties {
  readonly values: Map<string, Uint8Array>
  bytes: number
}

/** What plugins set, for the later ones of the same exchange. One for each worker; exchanges that are gone are forgotten. */
export type PropertyStore = WeakMap<Context, SetProperties>

/** The properties of one stream: attributes first, then what plugins have set, then those of the root context. */
export class StreamProperties implements Omit<AttributeSource, 'maps'> {
  request: HttpRequest | null = null
  response: HttpResponse | null = null
  outcome: Outcome | null = null
  details = ''
  readonly cx: Context
  readonly clock: Clock
  readonly #root: RootHost
  readonly #store: PropertyStore

  constructor(cx: Context, clock: Clock, root: RootHost, store: PropertyStore) {
    this.cx = cx
    this.clock = clock
    this.#root = root
    this.#store = store
  }

  get(path: readonly string[], maps: AttributeSource['maps']): Uint8Array | null {
    const { cx, clock, request, response, outcome, details } = this
    return (
      attribute(path, { cx, clock, maps, request, response, outcome, details }) ??
      this.#root.property(path) ??
      this.#store.get(cx)?.values.get(path.join('\0')) ??
      null
    )
  }

  /** `path` with its zeros; one at its end is nobody's. */
  set(path: string, value: Uint8Array): Status {
    const key = path.endsWith('\0') ? path.slice(0, -1) : path
    const held = this.#store.get(this.cx) ?? { values: new Map<string, Uint8Array>(), bytes: 0 }
    const before = held.values.get(key)
    const bytes = held.bytes + value.length - (before ? before.length : -key.length)
    if (bytes > setPropertyLimits.bytes || (!before && held.values.size >= setPropertyLimits.count)) {
      return status.internalFailure
    }
    held.bytes = bytes
    held.values.set(key, value.slice())
    this.#store.set(this.cx, held)
    return status.ok
  }
}

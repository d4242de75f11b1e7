import { nameOf } from './bytes.ts'
import { deleteKey, getKey, setKey } from './natives.ts'

/** Things that are made when they are needed, and used again by the next who needs one of the same tag. */
export class ResourcePool {
  readonly #allocate: (tag: unknown) => unknown
  readonly #free = new Map<unknown, unknown[]>()
  readonly #tags = new Map<unknown, unknown>()

  constructor(allocate: unknown) {
    if (typeof allocate !== 'function') {
      throw new TypeError(`a ResourcePool takes a function that makes one, and not ${nameOf(allocate)}`)
    }
    this.#allocate = allocate as (tag: unknown) => unknown
  }

  /** One that is free, the one that was freed first; or a new one. */
  allocate(tag?: unknown): unknown {
    const free = getKey(this.#free, tag)
    const resource = free !== undefined && free.length > 0 ? shift(free) : this.#allocate(tag)
    setKey(this.#tags, resource, tag)
    return resource
  }

  /** Gives one back. What is not from here is ignored. */
  free(resource: unknown): void {
    const tag = getKey(this.#tags, resource)
    if (!deleteKey(this.#tags, resource)) return
    const free = getKey(this.#free, tag)
    if (free === undefined) setKey(this.#free, tag, [resource])
    else free[free.length] = resource
  }
}

function shift(list: unknown[]): unknown {
  const first = list[0]
  for (let at = 1; at < list.length; at += 1) list[at - 1] = list[at]
  list.length -= 1
  return first
}

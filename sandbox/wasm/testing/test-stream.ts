import {
  type BufferType,
  type HeaderMap,
  type HostContext,
  type LocalResponse,
  type RootHost,
  type Status,
  type StreamType,
  status,
} from '../contract.ts'

/** A stream that stands still: one map, one buffer and one property, which guests can read and write, and what they asked for. */
export class TestStream implements HostContext {
  readonly id: number
  readonly root: RootHost
  readonly exchange = null
  readonly asked: string[] = []
  fields: string[] = ['x', 'of x', 'y', 'of y', 'z', 'of z']
  bytes = Buffer.from('Hello world')

  constructor(id: number, root: RootHost) {
    this.id = id
    this.root = root
  }

  readableMap(): HeaderMap {
    return this.writableMap()
  }

  writableMap(): HeaderMap {
    const done = () => status.ok
    const at = (name: string) => this.fields.findIndex((text, index) => index % 2 === 0 && text === name)
    return {
      get: (name) => this.fields[at(name) + 1 || this.fields.length],
      pairs: () => this.fields,
      size: this.fields.length / 2,
      add: (name, value) => {
        this.fields.push(name, value)
        return status.ok
      },
      replace: done,
      remove: done,
      set: (pairs) => {
        this.fields = [...pairs]
        return status.ok
      },
    }
  }

  buffer(_type: BufferType): Uint8Array {
    return this.bytes
  }

  spliceBuffer(): Status {
    return status.ok
  }

  property(path: readonly string[]): Uint8Array | null {
    return path[0] === 'x' ? Buffer.from('of x') : null
  }

  setProperty(): Status {
    return status.ok
  }

  continueStream(type: StreamType): Status {
    this.asked.push(`continue ${type}`)
    return status.ok
  }

  closeStream(type: StreamType): Status {
    this.asked.push(`close ${type}`)
    return status.ok
  }

  sendLocalResponse({ status: code, headers }: LocalResponse): Status {
    this.asked.push(`answer ${code} ${headers.join(' ')}`)
    return status.ok
  }

  clearRouteCache(): void {
    this.asked.push('clear route cache')
  }
}

import { type RootHost, type Status, status } from '../../contract.ts'
import type { Caller } from '../caller.ts'

/** What a guest is told of itself, also when it has no stream. Some SDKs choose their root context by it. */
const ownProperties: ReadonlyMap<string, (root: RootHost) => string> = new Map([
  ['plugin_name', (root: RootHost) => root.spec.name],
  ['plugin_root_id', (root: RootHost) => root.settings.rootId],
  ['plugin_vm_id', (root: RootHost) => root.settings.vmId],
])

/** Functions for properties (1.12). */
export function propertyFunctions(caller: Caller) {
  const { memory } = caller
  return {
    proxy_get_property(address: number, length: number, addressCell: number, lengthCell: number): Status {
      const given = memory.text(address, length)
      if (given === null) return status.invalidMemoryAccess
      // Some guests end the path with a zero.
      const path = given.endsWith('\0') ? given.slice(0, -1) : given
      if (path === '') return status.notFound
      const own = ownProperties.get(path)
      const value = own ? Buffer.from(own(caller.context.root)) : caller.context.property(path.split('\0'))
      return value === null ? status.notFound : memory.give(value, addressCell, lengthCell)
    },
    proxy_set_property(address: number, length: number, at: number, size: number): Status {
      const path = memory.text(address, length)
      const value = memory.bytes(at, size)
      if (path === null || value === null) return status.invalidMemoryAccess
      return caller.context.setProperty(path, value.slice())
    },
  }
}

import { type HeaderMap, type MapType, mapType, type Status, status } from '../../contract.ts'
import type { Caller } from '../caller.ts'
import { decodePairs, encodePairs, pairsSize } from '../pairs.ts'

const nothing = new Uint8Array(0)

function isMapType(type: number): type is MapType {
  return type >>> 0 <= mapType.callResponseTrailers
}

/** Maps of call-outs belong to the root context, whatever stream a guest has chosen. */
function owner(caller: Caller, type: MapType) {
  return type >= mapType.grpcInitialMetadata ? caller.context.root : caller.context
}

/** Functions for header maps (1.5). What is not there in this phase reads as missing or empty, and cannot be written. */
export function mapFunctions(caller: Caller) {
  return { ...readers(caller), ...writers(caller) }
}

function readers(caller: Caller) {
  const { memory } = caller
  return {
    proxy_get_header_map_pairs(type: number, addressCell: number, lengthCell: number): Status {
      if (!isMapType(type)) return status.badArgument
      const pairs = owner(caller, type).readableMap(type)?.pairs() ?? []
      caller.worked(pairs.length >> 5)
      return memory.give(encodePairs(pairs), addressCell, lengthCell)
    },
    proxy_get_header_map_value(
      type: number,
      key: number,
      keyLength: number,
      addressCell: number,
      lengthCell: number,
    ): Status {
      if (!isMapType(type)) return status.badArgument
      const name = memory.text(key, keyLength)
      if (name === null) return status.invalidMemoryAccess
      const value = owner(caller, type).readableMap(type)?.get(name.toLowerCase())
      if (value !== undefined) return memory.give(Buffer.from(value, 'latin1'), addressCell, lengthCell)
      const written = memory.give(nothing, addressCell, lengthCell)
      return written === status.ok && caller.abi !== '0.1.0' ? status.notFound : written
    },
    proxy_get_header_map_size(type: number, cell: number): Status {
      if (!isMapType(type)) return status.badArgument
      return memory.setWord(cell, pairsSize(owner(caller, type).readableMap(type)?.pairs() ?? []))
    },
  }
}

function writers(caller: Caller) {
  const { memory } = caller
  const change = (type: MapType, write: (map: HeaderMap) => Status): Status => {
    const map = owner(caller, type).writableMap(type)
    return map ? write(map) : status.badArgument
  }
  const changeField =
    (method: 'add' | 'replace') =>
    (type: number, key: number, keyLength: number, at: number, length: number): Status => {
      if (!isMapType(type)) return status.badArgument
      const name = memory.text(key, keyLength)
      const value = memory.text(at, length)
      if (name === null || value === null) return status.invalidMemoryAccess
      return change(type, (map) => map[method](name.toLowerCase(), value))
    }
  return {
    proxy_set_header_map_pairs(type: number, address: number, length: number): Status {
      if (!isMapType(type)) return status.badArgument
      const bytes = memory.bytes(address, length)
      if (bytes === null) return status.invalidMemoryAccess
      caller.worked(bytes.length >> 12)
      return change(type, (map) => map.set(lowerNames(decodePairs(bytes))))
    },
    proxy_add_header_map_value: changeField('add'),
    proxy_replace_header_map_value: changeField('replace'),
    proxy_remove_header_map_value(type: number, key: number, keyLength: number): Status {
      if (!isMapType(type)) return status.badArgument
      const name = memory.text(key, keyLength)
      if (name === null) return status.invalidMemoryAccess
      return change(type, (map) => map.remove(name.toLowerCase()))
    },
  }
}

function lowerNames(pairs: readonly string[]): string[] {
  return pairs.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text))
}

import { defineGlobal } from '../../scope.ts'
import { zlib } from '../zlib.ts'

/** Makes `zlib`. */
export function install(): void {
  defineGlobal('zlib', { value: zlib })
}

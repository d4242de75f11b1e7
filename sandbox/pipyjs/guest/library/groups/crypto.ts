import { defineGlobal } from '../../scope.ts'
import { crypto } from '../crypto.ts'

/** Makes `crypto`. */
export function install(): void {
  defineGlobal('crypto', { value: crypto })
}

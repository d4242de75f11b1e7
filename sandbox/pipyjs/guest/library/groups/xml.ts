import { defineGlobal } from '../../scope.ts'
import { xml } from '../xml.ts'

/** Makes `XML`. */
export function install(): void {
  defineGlobal('XML', { value: xml })
}

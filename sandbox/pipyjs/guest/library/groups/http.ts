import { defineGlobal } from '../../scope.ts'
import { http } from '../http.ts'

/** Makes `http`. */
export function install(): void {
  defineGlobal('http', { value: http })
}

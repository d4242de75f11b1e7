import { defineGlobal } from '../../scope.ts'
import { stats } from '../metrics.ts'

/** Makes `stats`. */
export function install(): void {
  defineGlobal('stats', { value: stats })
}

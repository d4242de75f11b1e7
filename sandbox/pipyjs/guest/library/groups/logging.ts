import { defineGlobal } from '../../scope.ts'
import { logging } from '../loggers.ts'

/** Makes `logging`. */
export function install(): void {
  defineGlobal('logging', { value: logging })
}

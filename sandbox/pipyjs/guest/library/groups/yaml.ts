import { defineGlobal } from '../../scope.ts'
import { yaml } from '../yaml.ts'

/** Makes `YAML`. */
export function install(): void {
  defineGlobal('YAML', { value: yaml })
}

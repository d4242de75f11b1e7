import { defineGlobal } from '../../scope.ts'
import { URL } from '../url.ts'
import { URLSearchParams } from '../url-search-params.ts'

/** Makes classes for URLs. */
export function install(): void {
  defineGlobal('URL', { value: URL })
  defineGlobal('URLSearchParams', { value: URLSearchParams })
}

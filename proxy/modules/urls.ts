import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The file that a URL of `file:` means; `file:x.wasm` and `file://x.wasm` are relative to `folder`. */
export function filePath(url: string, folder: string): string {
  if (/^file:\/\/\//i.test(url)) return fileURLToPath(url)
  return resolve(folder, decodeURIComponent(url.replace(/^file:(\/\/)?/i, '')))
}

/** Like a URL, without what in it may be secret. */
export function shownUrl(url: string): string {
  const bare = url.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1').replace(/[?#].*$/s, '')
  return bare.length > 200 ? `${bare.slice(0, 200)}…` : bare
}

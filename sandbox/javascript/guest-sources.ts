import { readdir, readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { withoutTypes } from '../quickjs/without-types.ts'

/** The code of ours that runs in guests: ES modules by name, and which one is the entry. Can be sent to workers. */
export interface GuestSources {
  readonly modules: Readonly<Record<string, string>>
  readonly entry: string
}

/** Reads the guest's code of JavaScript plugins, once on the main thread. */
export async function loadGuestSources(): Promise<GuestSources> {
  const folder = new URL('guest/', import.meta.url)
  const modules: Record<string, string> = {}
  let entry = ''
  for (const file of await readdir(folder)) {
    if (file.endsWith('.d.ts') || file.includes('.test.')) continue
    const text = await readFile(new URL(file, folder), 'utf8')
    const kind = extname(file)
    if (kind !== '.ts' && kind !== '.js') continue
    modules[file] = kind === '.ts' ? withoutTypes(text) : text
    if (file === `main${kind}`) entry = file
  }
  return { modules, entry }
}

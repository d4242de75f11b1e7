import { globSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withoutTypes } from '../../quickjs/without-types.ts'

/** The modules of the guest, by the names under which they import each other. */
export interface GuestModules {
  readonly modules: Readonly<Record<string, string>>
  readonly entry: string
}

/**
 * Reads the guest's own code: as it lies in the repository, with its types
 * taken out, or as it was built. Some ten milliseconds; worth doing once.
 */
export function readGuestModules(): GuestModules {
  const extension = extname(fileURLToPath(import.meta.url))
  const folder = fileURLToPath(new URL('../guest/', import.meta.url))
  const names = globSync(`**/*${extension}`, { cwd: folder }).filter((name) => !name.includes('.test.'))
  const modules = Object.fromEntries(
    names.map((name) => {
      const text = readFileSync(`${folder}${name}`, 'utf8')
      return [name.replaceAll('\\', '/'), extension === '.ts' ? withoutTypes(text) : text] as const
    }),
  )
  return { modules, entry: `main${extension}` }
}

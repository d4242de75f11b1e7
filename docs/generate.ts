/**
 * `npm run docs`: writes the tables of the READMEs from the code. A table
 * stands between two comments, `<!-- docs:NAME -->` and `<!-- /docs -->`.
 * `--check` writes nothing, and exits with 1 if a file would change.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tables } from './tables.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const place = /(<!-- docs:([a-z-]+) -->\n)([\s\S]*?)(<!-- \/docs -->)/g

/** A README as it should be. */
export interface Document {
  readonly path: string
  readonly isCurrent: boolean
  readonly text: string
  /** The tables that stand in it. */
  readonly tables: readonly string[]
}

/** Makes every README that has tables. Throws on a marker that names no table. */
export function makeDocuments(): Document[] {
  const paths = globSync(['*.md', '{chains,proxy,cli,test,bench,docs,examples,deploy}/**/*.md'], {
    cwd: root,
  })
  return paths.sort().flatMap((path) => {
    const before = readFileSync(join(root, path), 'utf8')
    const names: string[] = []
    const text = before.replace(place, (_whole, start: string, name: string, _old, end: string) => {
      const make = tables[name]
      if (!make)
        throw new Error(`${path}: there is no table ${name}; there are ${Object.keys(tables).join(', ')}`)
      names.push(name)
      return `${start}\n${make()}\n\n${end}`
    })
    return names.length ? [{ path, isCurrent: text === before, text, tables: names }] : []
  })
}

if (import.meta.main) {
  const old = makeDocuments().filter(({ isCurrent }) => !isCurrent)
  const isCheck = process.argv.includes('--check')
  for (const { path, text } of old) {
    if (!isCheck) writeFileSync(join(root, path), text)
    console.log(isCheck ? `${path} differs from the code; run npm run docs` : `wrote ${path}`)
  }
  process.exitCode = isCheck && old.length ? 1 : 0
}

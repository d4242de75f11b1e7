import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One text file of the repository; `path` is relative to its root, with slashes. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** Folders whose TypeScript is checked; those that are not there are passed over. */
export const sourceFolders = [
  'chains',
  'sandbox',
  'proxy',
  'hub',
  'cli',
  'test',
  'bench',
  'docs',
  'examples',
] as const

/** Reads every TypeScript file of the {@link sourceFolders} below `root`. */
export function readSources(root: string): SourceFile[] {
  const patterns = sourceFolders.map((folder) => `${folder}/**/*.ts`)
  return readAll(root, patterns)
}

/** Reads the READMEs and other Markdown files that are ours. */
export function readDocuments(root: string): SourceFile[] {
  return readAll(root, ['*.md', 'deploy/**/*.md', ...sourceFolders.map((folder) => `${folder}/**/*.md`)])
}

function readAll(root: string, patterns: readonly string[]): SourceFile[] {
  const paths = globSync(patterns, { cwd: root, exclude: (path) => path === 'node_modules' }).sort()
  return paths.map((path) => ({
    path: path.replaceAll('\\', '/'),
    text: readFileSync(join(root, path), 'utf8'),
  }))
}

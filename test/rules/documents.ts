import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { SourceFile } from './tree.ts'

/** What the Dockerfile may copy that is not in the repository: made by its first stage. */
export const builtPaths: readonly string[] = ['dist', 'node_modules']

/** Maps and links in Markdown files that name what is not there. */
export function documentFaults(root: string, documents: readonly SourceFile[]): string[] {
  return documents.flatMap(({ path, text }) => {
    const folder = join(root, dirname(path))
    const missing = [...mapEntries(text), ...links(text)].filter(
      ({ name }) => !existsSync(join(folder, name)),
    )
    return missing.map(({ name, line }) => `${path}:${line}: names ${name}, which is not there`)
  })
}

/** Paths that the Dockerfile copies and that are neither in the repository nor built by an earlier stage. */
export function dockerfileFaults(root: string): string[] {
  const file = join(root, 'Dockerfile')
  if (!existsSync(file)) return ['Dockerfile: is not there']
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      const words = /^COPY\s+(.*)$/.exec(line)?.[1]?.split(/\s+/) ?? []
      const isFromStage = words.some((word) => word.startsWith('--from='))
      const paths = words.filter((word) => !word.startsWith('--')).slice(0, -1)
      return paths
        .map((path) => (isFromStage ? path.replace(/^\/[^/]+\//, '') : path))
        .filter((path) => !existsSync(join(root, path)) && !(isFromStage && builtPaths.includes(path)))
        .map((path) => `Dockerfile:${index + 1}: copies ${path}, which is not there`)
    })
}

interface Name {
  readonly name: string
  readonly line: number
}

/** First cells of the tables in sections called "Map": `| \`name\` | what it is |`. */
function mapEntries(text: string): Name[] {
  let isInMap = false
  return text.split('\n').flatMap((content, index) => {
    if (content.startsWith('#')) isInMap = /^#+ Map\b/.test(content)
    if (!isInMap) return []
    const cell = /^\|([^|]*)\|/.exec(content)?.[1] ?? ''
    return [...cell.matchAll(/`([^`]+)`/g)].map((match) => ({ name: match[1] ?? '', line: index + 1 }))
  })
}

/** Links to files of the repository. */
function links(text: string): Name[] {
  return text
    .split('\n')
    .flatMap((content, index) =>
      [...content.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map((match) => ({ name: match[1] ?? '', line: index + 1 }))
        .filter(({ name }) => !/^[a-z]+:/.test(name)),
    )
}

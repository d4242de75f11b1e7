/**
 * `npm run check:layers`: the rules of this repository that no compiler and no
 * linter knows. Prints a line for each fault and exits with 1 if there is one.
 */
import { fileURLToPath } from 'node:url'
import { dockerfileFaults, documentFaults } from './rules/documents.ts'
import { circleFaults, importFaults } from './rules/imports.ts'
import { sourceFaults } from './rules/sources.ts'
import { readDocuments, readSources } from './rules/tree.ts'

/** Every fault in the tree below `root`, as `path:line: what is wrong`. */
export function faultsIn(root: string): string[] {
  const sources = readSources(root)
  return [
    ...importFaults(sources),
    ...circleFaults(sources),
    ...sourceFaults(sources),
    ...documentFaults(root, readDocuments(root)),
    ...dockerfileFaults(root),
  ]
}

if (import.meta.main) {
  const faults = faultsIn(fileURLToPath(new URL('..', import.meta.url)))
  for (const fault of faults) console.error(fault)
  console.log(
    faults.length ? `${faults.length} faults` : 'layers, circles, lengths, comments and paths are in order',
  )
  process.exitCode = faults.length ? 1 : 0
}

import { SourceMap, type SourceMapPayload } from 'node:module'
import type { PluginSpec } from '../../chains/plugins.ts'
import type { PluginPosition } from '../plugin/contract.ts'

/** What the plugin itself is called while it is compiled. */
export const entryName = 'pillion-plugin-text'

/** Gives the sources of a source map other names. */
export function renameSources(map: string, rename: (path: string) => string): string {
  const parsed = JSON.parse(map) as SourceMapPayload
  return JSON.stringify({ ...parsed, sources: parsed.sources.map(rename) })
}

/**
 * Where a place of a compiled plugin stands in what its author wrote; null when
 * it is none of theirs. Lines and columns count from 1. Reads the whole map:
 * for more than one question, see {@link positionFinder}.
 */
export function positionIn(sourceMap: string, line: number, column: number): PluginPosition | null {
  return entryAt(new SourceMap(JSON.parse(sourceMap) as SourceMapPayload), line, column)
}

/**
 * Tells where a place in a plugin's source stands in its author's file, be it
 * compiled or a part of a manifest. Lines and columns count from 1; a column
 * of 0 is one that nobody knows, and becomes that of the line's beginning. A source map is read when
 * it is first needed.
 */
export function positionFinder(spec: PluginSpec): (line: number, column: number) => PluginPosition {
  let map: SourceMap | null = null
  const written = (position: PluginPosition): PluginPosition => ({
    file: position.file,
    line: position.line + spec.lineOffset,
    column: position.column + spec.columnOffset,
  })
  return (line, column) => {
    const place = { file: spec.origin, line: Math.max(line, 1), column: Math.max(column, 1) }
    if (spec.sourceMap === null) return written(place)
    map ??= new SourceMap(JSON.parse(spec.sourceMap) as SourceMapPayload)
    const found = entryAt(map, place.line, place.column)
    if (!found) return written({ ...place, line: 1, column: 1 })
    return found.file === spec.origin ? written(found) : found
  }
}

function entryAt(map: SourceMap, line: number, column: number): PluginPosition | null {
  const entry = map.findEntry(line - 1, column - 1)
  if (!('originalSource' in entry) || typeof entry.originalSource !== 'string') return null
  return { file: entry.originalSource, line: entry.originalLine + 1, column: entry.originalColumn + 1 }
}

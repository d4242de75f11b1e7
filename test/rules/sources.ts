import type { SourceFile } from './tree.ts'

const maxLines = 300

/** Rules of style that a linter does not know: length, doc comments, absolute paths, notes to oneself. */
export function sourceFaults(sources: readonly SourceFile[]): string[] {
  return sources.flatMap((source) => [
    ...lengthFaults(source),
    ...commentFaults(source),
    ...lineFaults(source),
  ])
}

function lengthFaults({ path, text }: SourceFile): string[] {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
  return lines > maxLines ? [`${path}: ${lines} lines; the wall is ${maxLines}`] : []
}

function commentFaults({ path, text }: SourceFile): string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    const name = exportedName(line)
    if (!name || lines[index - 1]?.trimEnd().endsWith('*/')) return []
    // Overloads share the comment of the first.
    if (lines[index - 1]?.startsWith(`export function ${name}`)) return []
    return [`${path}:${index + 1}: the export ${name} has no doc comment`]
  })
}

function exportedName(line: string): string | undefined {
  return /^export (?:async |abstract |declare )*(?:function\*?|class|const|let|interface|type) (\w+)/.exec(
    line,
  )?.[1]
}

const machineFolders = ['home', 'Users', 'root', 'work', 'tmp'].join('|')
const absolutePath = new RegExp(`['"\`](?:file://)?/(?:${machineFolders})/`)
// The dashes keep this file from matching itself.
const notesToSelf = 'TO-DO|FIX-ME|XX-X'.replaceAll('-', '')
const noteToSelf = new RegExp(`\\b(?:${notesToSelf})\\b`)

function lineFaults({ path, text }: SourceFile): string[] {
  return text.split('\n').flatMap((line, index) => {
    const where = `${path}:${index + 1}`
    if (absolutePath.test(line)) return [`${where}: an absolute path of somebody's machine`]
    if (noteToSelf.test(line)) return [`${where}: a note to oneself; do it, or file an issue`]
    return []
  })
}

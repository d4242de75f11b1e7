import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

const marker = '<!-- results: npm run bench -- --write -->'

/** What the figures were taken on, in a line. */
export function machine(): string {
  const versions = [
    `Node ${process.version}`,
    firstLine('nginx', ['-v']),
    firstLine('haproxy', ['-v']),
    firstLine('wrk', ['-v']),
  ]
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}; ${versions.filter(Boolean).join('; ')}`
}

/** Puts the sections, dated, on top of the results that are in `file`. */
export function writeResults(file: string, sections: readonly string[]): void {
  const text = readFileSync(file, 'utf8')
  const [before, after] = text.split(marker)
  if (before === undefined || after === undefined) throw new Error(`${file} has no line ${marker}`)
  const date = new Date().toISOString().slice(0, 10)
  writeFileSync(
    file,
    `${before}${marker}\n\n## ${date}\n\n${machine()}\n\n${sections.join('\n\n')}\n${after}`,
  )
}

/** What `command` says of its version; empty when it is not there. Some say it on standard error. */
function firstLine(command: string, args: readonly string[]): string {
  try {
    const text = execFileSync('sh', ['-c', `${command} ${args.join(' ')} 2>&1 || true`], { encoding: 'utf8' })
    const line = text.split('\n')[0] ?? ''
    return line.includes('not found') ? '' : line.replace(/ - https.*| Copyright.*|^nginx version: /g, '')
  } catch {
    return ''
  }
}

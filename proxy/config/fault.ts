/** The way to a value in a config: keys and list indexes. */
export type Path = readonly (string | number)[]

/** One thing that is wrong with a config, for a person to read. */
export interface Fault {
  /** The file, or the flag such as `--inbound`. */
  readonly file: string
  /** From 1; 0 when the fault has no place in a file. */
  readonly line: number
  /** From 1, in UTF-16 units; 0 when the fault has no place in a file. */
  readonly column: number
  /** `Inbound.TrafficMatches.8080.Protocol` or `inbound[0].listen`; empty for the whole. */
  readonly path: string
  /** Names the value, and says what would be right. One line. */
  readonly message: string
  /** The manifest's resource that it is in, such as `Plugin cors`. */
  readonly resource?: string
}

/** Prints a fault as `file:line:column: resource: path: message`, leaving out what it does not have. */
export function formatFault({ file, line, column, resource, path, message }: Fault): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file
  return [place, resource, path, message].filter((part) => part).join(': ')
}

/** A fault that concerns a flag or a file as a whole. */
export function looseFault(file: string, message: string): Fault {
  return { file, line: 0, column: 0, path: '', message: oneLine(message) }
}

const maxShownLength = 80

/** Prints a path; keys that would be read wrongly stand in `["…"]`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (step === '' || /[.[\]"\s\p{C}]/u.test(step)) text += `[${show(step)}]`
    else text += text === '' ? clip(step) : `.${clip(step)}`
  }
  return text
}

/** Prints a value of a config so that it fits into a message: quoted, escaped and cut. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(clip(value))
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return String(value)
}

/** Replaces line breaks and other control characters, so that a message stays on its line. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
}

function clip(text: string): string {
  return text.length > maxShownLength ? `${text.slice(0, maxShownLength)}…` : text
}

/** Prints alternatives as `a, b or c`. */
export function orList(words: readonly string[]): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

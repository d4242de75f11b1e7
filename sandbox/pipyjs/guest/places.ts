import { host } from './host.ts'

/** Where in the script something was said. The host knows what stands before the script in its first line. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** Where the script called the method that is running now, as the beginning of the method's name. */
export function callerPlace(method: string): Place {
  const stack = new Error().stack ?? ''
  const marker = `(${host.fileName()}:`
  for (const line of stack.split('\n')) {
    const at = line.indexOf(marker)
    if (at < 0) continue
    const [row, column] = line.slice(at + marker.length, -1).split(':')
    // QuickJS names the parenthesis of a call.
    return { line: Number(row), column: Math.max(1, Number(column) - method.length) }
  }
  return { line: 0, column: 0 }
}

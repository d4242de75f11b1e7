import { readFileSync } from 'node:fs'

/** The version of this program, out of its `package.json`: one folder up from the sources, two from the build. */
export function programVersion(): string {
  const path = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json'
  const { version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }
  return version
}

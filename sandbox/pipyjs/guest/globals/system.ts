import { Data } from '../data.ts'
import { host } from '../host.ts'
import { defineGlobal } from '../scope.ts'
import { defineAbsent } from './absent.ts'
import { Timeout } from './timeout.ts'

const noFiles = 'a plugin has no files; keep what is small in a variable, and what is shared in the config'
const noProcesses = 'a plugin cannot start or end processes'

const absentOfOs: Readonly<Record<string, string>> = {
  stat: noFiles,
  readFile: noFiles,
  writeFile: noFiles,
  read: noFiles,
  write: noFiles,
  list: noFiles,
  readDir: noFiles,
  mkdir: noFiles,
  rm: noFiles,
  rmdir: noFiles,
  rename: noFiles,
  unlink: noFiles,
  home: noFiles,
  abspath: noFiles,
  chdir: noFiles,
  path: noFiles,
  kill: noProcesses,
}

/** `console`, `os`, `Timeout`, and what there is to know about the thread. */
export function installSystem(): void {
  const write =
    (level: string) =>
    (...values: unknown[]) =>
      host.log(level, values.map(shown).join(' '))
  const info = write('info')
  const levels = { log: info, info, debug: write('debug'), warn: write('warn'), error: write('error') }
  defineGlobal('console', { value: Object.freeze(levels) })
  defineGlobal('print', { value: info })
  defineGlobal('println', { value: info })
  defineGlobal('Timeout', { value: Timeout })
  const os = { env: Object.freeze(JSON.parse(host.environment())), platform: 'linux' }
  defineAbsent(os, 'os.', absentOfOs)
  defineGlobal('os', { value: Object.freeze(os) })
  const thread = { id: host.threadId(), concurrency: host.threadCount() }
  defineGlobal('__thread', { value: Object.freeze(thread) })
}

/** A value as text, for logs. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Data) return value.toString() ?? `Data of ${value.size} bytes`
  if (value instanceof Error) return `${value}\n${value.stack ?? ''}`.trimEnd()
  try {
    return (typeof value === 'object' ? JSON.stringify(value) : undefined) ?? String(value)
  } catch {
    return 'something that has no text'
  }
}

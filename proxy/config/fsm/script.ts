import type { ConfigSecret, Json, JsonObject } from '../../../chains/model.ts'
import { configLimits } from '../defaults.ts'
import type { Path } from '../fault.ts'
import type { FaultList } from '../fault-list.ts'

/** A part of the script tree while it is still being made. */
export type ScriptObject = Record<string, Json>

/** A config for the eyes of scripts, and what was taken out of it. */
export interface ScriptTree {
  readonly script: Json
  readonly secrets: readonly ConfigSecret[]
}

/**
 * Copies a parsed config for the eyes of scripts: without private keys and
 * without the log collector's authorization. What stands under `Plugins` is the
 * plugins' own and stays as it is. Keys named `__proto__` are left out.
 */
export function scriptTree(root: unknown, faults: FaultList): ScriptTree {
  const secrets: ConfigSecret[] = []
  return { script: copy(root, [], faults, secrets), secrets }
}

/** `secrets` takes what is left out; null where nothing is. */
function copy(value: unknown, path: Path, faults: FaultList, secrets: ConfigSecret[] | null): Json {
  if (path.length > configLimits.maxDepth) {
    faults.add(path, 'is nested too deeply')
    return null
  }
  if (Array.isArray(value)) return value.map((item, i) => copy(item, [...path, i], faults, secrets))
  if (typeof value !== 'object' || value === null) return value as Json
  const holder: ScriptObject = {}
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') faults.countUnknown([...path, key])
    else if (secrets && isSecret(key, path))
      secrets.push({ holder, key, value: copy(item, [...path, key], faults, null) })
    else holder[key] = copy(item, [...path, key], faults, key === 'Plugins' ? null : secrets)
  }
  return holder
}

function isSecret(key: string, path: Path): boolean {
  return key === 'PrivateKey' || (key === 'authorization' && path.at(-1) === 'remoteLogging')
}

/** The part of a script tree at `path`, or null. The same path gives the same object each time. */
export function partAt(root: Json, path: Path): Json {
  let part: Json = root
  for (const step of path) {
    if (typeof part !== 'object' || part === null) return null
    if (Array.isArray(part)) part = part[Number(step)] ?? null
    else part = Object.hasOwn(part, step) ? ((part as JsonObject)[step] ?? null) : null
  }
  return part
}

/** As {@link partAt}, where an object is known to stand. */
export function objectAt(root: Json, path: Path): ScriptObject {
  const part = partAt(root, path)
  return typeof part === 'object' && part !== null && !Array.isArray(part) ? (part as ScriptObject) : {}
}

import type { Model } from '../../chains/model.ts'
import type { AccessLogConfig } from '../../chains/settings.ts'
import { defaults } from './defaults.ts'
import type { FlagSettings } from './flags.ts'
import type { PluginLibrary } from './manifests/library.ts'
import type { Address, ProcessSettings } from './settings.ts'

/** What the flags and the environment add to a file. */
export interface Given {
  readonly flags: FlagSettings
  readonly env: Readonly<Record<string, string | undefined>>
  /** All plugins that were found, be they for this sidecar or not. */
  readonly library: PluginLibrary
}

/** A config that has been understood; of use only if it has no faults. */
export interface Draft {
  readonly model: Model
  readonly process: Omit<ProcessSettings, 'adminToken'>
  /** The file that holds the admin token, relative to the config, or null. */
  readonly adminTokenFile: string | null
}

/** The access log that a flag asks for, or what the file says when there is no flag. */
export function accessLogOf(flags: FlagSettings, given: AccessLogConfig | null): AccessLogConfig | null {
  if (flags.accessLog === null) return given
  if (flags.accessLog === 'off') return null
  return {
    path: flags.accessLog,
    sample: given?.sample ?? defaults.accessLogSample,
    fields: given?.fields ?? null,
  }
}

/** Null for a port that is off. */
export function portOf(address: Address | 'off'): Address | null {
  return address === 'off' ? null : address
}

/** Makes names unique by adding `#2`, `#3`, … to repeats, in the order of asking. */
export function uniqueNames(): (name: string) => string {
  const taken = new Set<string>()
  const counts = new Map<string, number>()
  return (name) => {
    let unique = name
    let count = counts.get(name) ?? 1
    while (taken.has(unique)) {
      count += 1
      unique = `${name}#${count}`
    }
    counts.set(name, count)
    taken.add(unique)
    return unique
  }
}

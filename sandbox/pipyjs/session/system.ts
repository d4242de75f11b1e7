import { randomUUID } from 'node:crypto'
import { threadId } from 'node:worker_threads'
import type { PluginSpec } from '../../../chains/plugins.ts'
import type { HostFunction } from '../../quickjs/contract.ts'
import type { Objects } from './objects.ts'

/** What a plugin may know of the world around it. */
export function systemFunctions(
  spec: PluginSpec,
  fileName: string,
  objects: Objects,
): Record<string, HostFunction> {
  return {
    fileName: () => fileName,
    uuid: () => randomUUID(),
    plugin: () => JSON.stringify({ name: spec.name, version: spec.version }),
    environment: () => JSON.stringify(grantedEnvironment(spec)),
    loadFile: (call) => (call.string(0) === 'config.json' ? Buffer.from(objects.configText()) : null),
    threadId: () => threadId,
    threadCount: () => 1,
  }
}

function grantedEnvironment({ policy }: PluginSpec): Record<string, string> {
  const granted = policy.grants.env.map((name) => [name, process.env[name]] as const)
  return Object.fromEntries(granted.filter((entry): entry is [string, string] => entry[1] !== undefined))
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Contestant, Running } from './contestants.ts'
import { saturate } from './load/closed-loop.ts'
import { fixed, mebibytes, medianOf, ratio, table } from './statistics.ts'

const warmUpSeconds = 3
const settleMs = 3_000

/** A contestant, and the same without its plugin. */
export interface PluginPair {
  readonly without: string
  readonly with: string
}

interface Entry {
  readonly name: string
  readonly running: Running
  readonly costs: number[]
}

/**
 * What a plugin costs a request: the CPU of each contestant, in turn, and the
 * difference to the same proxy without the plugin. Returns a table of medians.
 */
export async function measurePlugins(
  contenders: readonly [Contestant, Running][],
  pairs: readonly PluginPair[],
  plan: { readonly rounds: number; readonly seconds: number },
): Promise<string> {
  const entries: Entry[] = contenders.map(([{ name }, running]) => ({ name, running, costs: [] }))
  for (const { running } of entries) await saturate(running.port, warmUpSeconds)
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const { running, costs } of entries) {
      const before = running.cpuSeconds()
      const { requests } = await saturate(running.port, plan.seconds)
      costs.push(((running.cpuSeconds() - before) / requests) * 1e6)
    }
  }
  const costOf = (name: string) => medianOf(entries.find((entry) => entry.name === name)?.costs ?? [], Number)
  const [mark] = entries
  const rows = entries.map(({ name }) => {
    const pair = pairs.find((candidate) => candidate.with === name)
    return [
      name,
      fixed(costOf(name), 1),
      ratio(costOf(name), costOf(mark?.name ?? '')),
      pair ? fixed(costOf(name) - costOf(pair.without), 1) : '–',
    ]
  })
  return table(['proxy', 'CPU µs/request', `against ${mark?.name}`, 'the plugin, CPU µs/request'], rows)
}

/** Resident memory with few plugins and with many; `counts` says how many each contender has. */
export async function measurePluginMemory(
  contenders: readonly [Contestant, Running][],
  counts: readonly number[],
): Promise<string> {
  for (const [, running] of contenders) await saturate(running.port, 1)
  await sleep(settleMs)
  const bytes = contenders.map(([, running]) => running.residentBytes())
  const rows = contenders.map(([{ name }], index) => {
    const added = (counts[index] ?? 0) - (counts[0] ?? 0)
    const each = added > 0 ? mebibytes(((bytes[index] ?? 0) - (bytes[0] ?? 0)) / added) : '–'
    return [name, mebibytes(bytes[index] ?? 0), each]
  })
  return table(['proxy, 1 worker', 'memory MiB', 'MiB for each plugin'], rows)
}

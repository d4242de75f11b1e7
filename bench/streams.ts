import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Contestant, Running } from './contestants.ts'
import { runOnLoadCore } from './processes.ts'
import { fixed, mebibytes, medianOf, ratio, table } from './statistics.ts'

const sampleMs = 20
const bodyBytes = 1_073_741_824
const bodyDeadlineMs = 120_000

interface TcpRound {
  readonly cpuSecondsPerGigabyte: number
  readonly megabytesPerSecond: number
}

/**
 * 64 KiB writes through every contestant, one way, over four connections. The
 * first is the mark. Returns a table of medians.
 */
export async function measureTcp(
  contenders: readonly [Contestant, Running][],
  plan: { readonly rounds: number; readonly seconds: number; readonly sinkPort: number },
): Promise<string> {
  const entries = contenders.map(([contestant, running]) => ({
    contestant,
    running,
    rounds: [] as TcpRound[],
  }))
  for (let round = 0; round <= plan.rounds; round += 1) {
    for (const { running, rounds } of entries) {
      const result = await tcpRound(running, plan.sinkPort, plan.seconds)
      // The first round warms up.
      if (round > 0) rounds.push(result)
    }
  }
  const cost = (rounds: readonly TcpRound[]) => medianOf(rounds, (round) => round.cpuSecondsPerGigabyte)
  const [mark] = entries
  if (!mark) return ''
  const rows = entries.map(({ contestant, rounds }) => [
    contestant.name,
    fixed(cost(rounds), 3),
    ratio(cost(rounds), cost(mark.rounds)),
    fixed(
      medianOf(rounds, (round) => round.megabytesPerSecond),
      0,
    ),
  ])
  return table(['relay', 'CPU s/GB', `against ${mark.contestant.name}`, 'MB/s'], rows)
}

async function tcpRound(running: Running, sinkPort: number, seconds: number): Promise<TcpRound> {
  const script = fileURLToPath(new URL('load/tcp-client.ts', import.meta.url))
  const options = [sinkPort, running.port, seconds].map(String)
  const before = running.cpuSeconds()
  const text = await runOnLoadCore([process.execPath, script, ...options], (seconds + 15) * 1_000)
  const bytes = Number(text)
  return {
    cpuSecondsPerGigabyte: ((running.cpuSeconds() - before) / bytes) * 1e9,
    megabytesPerSecond: bytes / seconds / 1e6,
  }
}

/** Carries a body of 1 GiB each way through every contestant, and tells how far its memory grew. */
export async function measureBodies(contenders: readonly [Contestant, Running][]): Promise<string> {
  const rows: string[][] = []
  for (const [contestant, running] of contenders) {
    const row = [contestant.name]
    for (const way of ['download', 'upload'] as const) {
      const { grownBytes, cpuSeconds } = await oneBody(running, way)
      row.push(mebibytes(grownBytes), fixed(cpuSeconds, 2))
    }
    rows.push(row)
  }
  return table(['1 GiB through', 'download: grown MiB', 'CPU s', 'upload: grown MiB', 'CPU s'], rows)
}

async function oneBody(running: Running, way: 'download' | 'upload') {
  const script = fileURLToPath(new URL('load/body-client.ts', import.meta.url))
  // A small one first, so that what is made once is not counted as growth.
  await runOnLoadCore([process.execPath, script, String(running.port), way, '1048576'], bodyDeadlineMs)
  await sleep(500)
  const memoryBefore = running.residentBytes()
  const cpuBefore = running.cpuSeconds()
  let peak = memoryBefore
  const timer = setInterval(() => {
    peak = Math.max(peak, running.residentBytes())
  }, sampleMs)
  const command = [process.execPath, script, String(running.port), way, String(bodyBytes)]
  const arrived = await runOnLoadCore(command, bodyDeadlineMs).finally(() => clearInterval(timer))
  if (Number(arrived) !== bodyBytes) throw new Error(`of ${bodyBytes} bytes ${arrived.trim()} arrived`)
  return { grownBytes: peak - memoryBefore, cpuSeconds: running.cpuSeconds() - cpuBefore }
}

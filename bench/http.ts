import type { Contestant, Running } from './contestants.ts'
import { pace, type Seen, saturate } from './load/closed-loop.ts'
import { fixed, mebibytes, medianOf, ratio, table } from './statistics.ts'

const warmUpSeconds = 2
/** Of the rate that was asked for. */
const slowest = 0.8

/** One contestant in one round, as fast as it goes. */
interface Round extends Seen {
  readonly cpuMicroseconds: number
  readonly residentBytes: number
}

interface Entry {
  readonly contestant: Contestant
  readonly running: Running
  readonly rounds: Round[]
  readonly paced: Seen[]
}

/** What to measure, and for how long. */
export interface HttpPlan {
  readonly rounds: number
  readonly seconds: number
  readonly originPort: number
  readonly say: (line: string) => void
}

/**
 * Small requests through every contestant: each round asks each of them in
 * turn, so that a slow minute of the machine is shared by all. The first
 * contestant is the mark. Returns a table of medians.
 */
export async function measureHttp(
  contenders: readonly [Contestant, Running][],
  plan: HttpPlan,
): Promise<string> {
  const entries: Entry[] = contenders.map(([contestant, running]) => ({
    contestant,
    running,
    rounds: [],
    paced: [],
  }))
  for (const { running } of entries) await saturate(running.port, warmUpSeconds)
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const entry of entries) {
      const result = await oneRound(entry.running, plan.seconds)
      entry.rounds.push(result)
      plan.say(`round ${round}: ${entry.contestant.name}: ${fixed(result.cpuMicroseconds, 1)} µs a request`)
    }
  }
  const direct = await saturate(plan.originPort, plan.seconds)
  const rate = Math.round(medianOf(entries[0]?.rounds ?? [], (round) => round.perSecond) / 2)
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const { contestant, running, paced } of entries) {
      const result = await pace(running.port, rate, plan.seconds)
      paced.push(result)
      plan.say(
        `paced round ${round}: ${contestant.name}: p99 ${fixed(result.p99, 2)} ms at ${fixed(result.perSecond, 0)}/s`,
      )
    }
  }
  return report(entries, rate, direct.perSecond)
}

async function oneRound(running: Running, seconds: number): Promise<Round> {
  const before = running.cpuSeconds()
  const seen = await saturate(running.port, seconds)
  const cpuMicroseconds = ((running.cpuSeconds() - before) / seen.requests) * 1e6
  return { ...seen, cpuMicroseconds, residentBytes: running.residentBytes() }
}

function report(entries: readonly Entry[], rate: number, directPerSecond: number): string {
  const [mark] = entries
  if (!mark) return ''
  const figures = entries.map(({ contestant, rounds, paced }) => ({
    name: contestant.name,
    cpu: medianOf(rounds, (round) => round.cpuMicroseconds),
    perSecond: medianOf(rounds, (round) => round.perSecond),
    p50: medianOf(rounds, (round) => round.p50),
    p99: medianOf(rounds, (round) => round.p99),
    // Whoever cannot keep up with the rate has no latency at that rate.
    pacedP99:
      medianOf(paced, (round) => round.perSecond) < rate * slowest
        ? Number.NaN
        : medianOf(paced, (round) => round.p99),
    memory: medianOf(rounds, (round) => round.residentBytes),
  }))
  const [base] = figures
  const columns = [
    'proxy',
    'CPU µs/request',
    `against ${mark.contestant.name}`,
    'requests/s',
    'p50 ms',
    'p99 ms',
  ]
  const pacedColumns = [`p99 ms at ${rate}/s`, `against ${mark.contestant.name}`, 'memory MiB']
  const rows = figures.map((row) => [
    row.name,
    fixed(row.cpu, 1),
    ratio(row.cpu, base?.cpu ?? Number.NaN),
    fixed(row.perSecond, 0),
    fixed(row.p50, 2),
    fixed(row.p99, 2),
    fixed(row.pacedP99, 2),
    ratio(row.pacedP99, base?.pacedP99 ?? Number.NaN),
    mebibytes(row.memory),
  ])
  const direct = `Without a proxy the origin answers ${fixed(directPerSecond, 0)} requests/s.`
  return `${table([...columns, ...pacedColumns], rows)}\n\n${direct}`
}

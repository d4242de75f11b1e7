import { availableParallelism } from 'node:os'
import type { OriginalDestination } from '../../chains/model.ts'
import { configLimits } from './defaults.ts'
import { looseFault, orList, show } from './fault.ts'
import type { FaultList } from './fault-list.ts'
import {
  type Address,
  builtOriginalDestinations,
  type ConfigFlags,
  type LogLevel,
  logLevels,
} from './settings.ts'
import { closest } from './shape/closest.ts'
import type { TextKind } from './shape/shape.ts'
import { addressOrOff, cidr, listenAddress } from './shape/texts.ts'

/** The flags, understood. Null for each that was not given. */
export interface FlagSettings {
  readonly inbound: readonly Address[] | null
  readonly outbound: readonly Address[] | null
  readonly originalDestination: OriginalDestination | null
  readonly originalDestinationFrom: readonly string[] | null
  readonly labels: Readonly<Record<string, string>> | null
  readonly namespaceLabels: Readonly<Record<string, string>> | null
  readonly namespace: string | null
  readonly serviceAccount: string | null
  readonly admin: Address | 'off' | null
  readonly metrics: Address | 'off' | null
  readonly workers: number | null
  readonly logLevel: LogLevel | null
  /** A path, `-`, or `off`. */
  readonly accessLog: string | null
}

/** Checks the flags. A wrong one is reported, and then as if it had not been given. */
export function readFlags(flags: ConfigFlags, faults: FaultList): FlagSettings {
  const one = <T>(flag: string, text: string | undefined, kind: TextKind<T>): T | null => {
    if (text === undefined) return null
    const parsed = kind.parse(text)
    if ('value' in parsed) return parsed.value
    faults.addLoose(looseFault(flag, `is ${show(text)}: ${parsed.problem}`))
    return null
  }
  const many = <T>(
    flag: string,
    texts: readonly string[] | undefined,
    kind: TextKind<T>,
  ): readonly T[] | null => {
    const words = texts?.flatMap((text) => text.split(',')).map((word) => word.trim())
    if (!words || words.length === 0) return null
    const values = words.map((word) => one(flag, word, kind)).filter((value) => value !== null)
    return values.length === words.length ? values : null
  }
  return {
    inbound: many('--inbound', flags.inbound, listenAddress),
    outbound: many('--outbound', flags.outbound, listenAddress),
    originalDestination: one(
      '--original-destination',
      flags.originalDestination,
      wordOf(builtOriginalDestinations),
    ),
    originalDestinationFrom: many('--original-destination-from', flags.originalDestinationFrom, cidr),
    labels: one('--labels', flags.labels, labelList),
    namespaceLabels: one('--namespace-labels', flags.namespaceLabels, labelList),
    namespace: flags.namespace ?? null,
    serviceAccount: flags.serviceAccount ?? null,
    admin: one('--admin', flags.admin, addressOrOff),
    metrics: one('--metrics', flags.metrics, addressOrOff),
    workers: one('--workers', flags.workers, workerCount),
    logLevel: one('--log-level', flags.logLevel, wordOf(logLevels)),
    accessLog: one('--access-log', flags.accessLog, logPath),
  }
}

function wordOf<V extends string>(values: readonly V[]): TextKind<V> {
  const what = orList(values)
  return {
    what,
    pattern: null,
    write: String,
    number: null,
    parse: (text) => {
      const value = values.find((one) => one === text)
      if (value !== undefined) return { value }
      const best = closest(text, values)
      return { problem: `expected ${what}${best === null ? '' : `; did you mean ${best}?`}` }
    },
  }
}

const labelList: TextKind<Readonly<Record<string, string>>> = {
  what: 'labels such as app=curl,version=v1',
  pattern: null,
  write: String,
  number: null,
  parse: (text) => {
    const pairs = text.split(',').map((pair): [string, string] | null => {
      const at = pair.indexOf('=')
      const key = pair.slice(0, at).trim()
      return at > 0 && key !== '' && key !== '__proto__' ? [key, pair.slice(at + 1).trim()] : null
    })
    if (text.trim() === '') return { value: {} }
    const whole = pairs.filter((pair) => pair !== null)
    if (whole.length < pairs.length) return { problem: `expected ${labelList.what}` }
    return { value: Object.fromEntries(whole) }
  },
}

const workerCount: TextKind<number> = {
  what: `a whole number from 1 to ${configLimits.maxWorkers}, or auto`,
  pattern: null,
  write: String,
  number: null,
  parse: (text) => {
    if (text === 'auto') return { value: automaticWorkers() }
    const isFine = /^[1-9][0-9]{0,3}$/.test(text) && Number(text) <= configLimits.maxWorkers
    return isFine ? { value: Number(text) } : { problem: `expected ${workerCount.what}` }
  },
}

const logPath: TextKind<string> = {
  what: 'a path, - or off',
  pattern: null,
  write: String,
  number: null,
  parse: (text) => (text === '' ? { problem: 'expected a path, - or off' } : { value: text }),
}

/** One worker for each processor. */
export function automaticWorkers(): number {
  return Math.min(availableParallelism(), configLimits.maxWorkers)
}

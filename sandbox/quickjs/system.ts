import type { GuestMemory } from './guest-memory.ts'

/** Codes of WASI for "not supported" and "cannot seek". */
const notSupported = 52
const cannotSeek = 70

/**
 * The system that the engine believes to run on, but for its clock. There
 * are no files, no environment and no timers; what is written to the standard
 * output is dropped, and what ends a process ends the instance.
 */
export function systemImports(memory: GuestMemory) {
  return {
    assertFailed: (condition: number) =>
      end(`the engine found that this is not so: ${memory.text(condition)}`),
    abort: () => end('the engine gave up'),
    exit: (code: number) => end(`the engine ended with ${code}`),
    growHeap: (byteLength: number) => (memory.grow(byteLength) ? 1 : 0),
    localTime: (seconds: bigint, result: number) => writeLocalTime(memory, Number(seconds), result),
    timeZone: (...results: number[]) => writeTimeZone(memory, results),
    environmentSizes: (count: number, byteLength: number) => {
      memory.words[count >> 2] = 0
      memory.words[byteLength >> 2] = 0
      return 0
    },
    environment: () => 0,
    writeFile: (_file: number, pieces: number, count: number, written: number) =>
      dropOutput(memory, pieces, count, written),
    closeFile: () => notSupported,
    seekFile: () => cannotSeek,
    setTimer: () => 0,
    keepAlive: () => undefined,
  }
}

function end(reason: string): never {
  throw new Error(reason)
}

/** `struct tm`, with the offset from UTC in seconds at its end. */
function writeLocalTime({ words }: GuestMemory, seconds: number, result: number): undefined {
  const date = new Date(seconds * 1_000)
  const year = date.getFullYear()
  const dayOfYear = Math.round(
    (Date.UTC(year, date.getMonth(), date.getDate()) - Date.UTC(year, 0, 1)) / 86_400_000,
  )
  const isSummer = date.getTimezoneOffset() < standardOffset(year) ? 1 : 0
  const time = [date.getSeconds(), date.getMinutes(), date.getHours()]
  const day = [date.getDate(), date.getMonth(), year - 1900, date.getDay(), dayOfYear]
  words.set([...time, ...day, isSummer, -60 * date.getTimezoneOffset()], result >> 2)
}

/** Seconds west of UTC, whether there is a summer time, and the two names of the zone. */
function writeTimeZone({ words, bytes }: GuestMemory, results: readonly number[]): undefined {
  const [zone = 0, hasSummer = 0, standardName = 0, summerName = 0] = results
  const year = new Date().getFullYear()
  const offset = standardOffset(year)
  const offsets = [0, 6].map((month) => new Date(year, month, 1).getTimezoneOffset())
  words[zone >> 2] = offset * 60
  words[hasSummer >> 2] = offsets[0] === offsets[1] ? 0 : 1
  bytes.write('LST\0', standardName, 'latin1')
  bytes.write('LDT\0', summerName, 'latin1')
}

/** Minutes west of UTC when it is not summer. */
function standardOffset(year: number): number {
  return Math.max(new Date(year, 0, 1).getTimezoneOffset(), new Date(year, 6, 1).getTimezoneOffset())
}

function dropOutput({ words }: GuestMemory, pieces: number, count: number, written: number): number {
  let total = 0
  for (let index = 0; index < count; index += 1) total += words[(pieces >> 2) + 2 * index + 1] as number
  words[written >> 2] = total
  return 0
}

import { getRandomValues } from 'node:crypto'

/** The names under which modules import WASI preview 1. */
export const wasiModules = ['wasi_snapshot_preview1', 'wasi_unstable'] as const

/** What WASI needs of whoever runs a guest. */
export interface WasiHost {
  /** The guest's memory as it is now: asked for in each call, for its buffer changes when it grows. */
  memory(): WebAssembly.Memory
  /** Takes one line, without its end, that the guest wrote to its standard output (1) or error (2). Must not throw. */
  print(descriptor: 1 | 2, line: string): void
  /** All that the guest sees of an environment. */
  readonly environment: Readonly<Record<string, string>>
  /** `proc_exit`: throws what ends the instance. */
  exit(code: number): never
}

/** The functions of WASI for one instance. */
export interface Wasi {
  /** By name; the same for each of {@link wasiModules}. They throw nothing but what {@link WasiHost.exit} throws. */
  readonly functions: Readonly<Record<string, WasiFunction>>
  /** Prints what was written of lines that have no end yet. To be called when a call of the guest has ended. */
  flush(): void
}
/** Takes numbers (`bigint` for 64 bits) and gives an error number, 0 for none. */
export type WasiFunction = (...args: never[]) => number

/**
 * WASI preview 1 for a guest that has no files, no sockets and no arguments: its clock, random numbers, the given
 * environment, and lines to be logged. All else is refused as harmlessly as libraries expect it (Proxy-Wasm hosts
 * agree on the numbers). What one call costs the host is bounded.
 */
export function createWasi(host: WasiHost): Wasi {
  const output = new Lines(host)
  const environment = Object.entries(host.environment).map(([name, value]) =>
    Buffer.from(`${name}=${value}\0`, 'utf8'),
  )
  const startedAt = performance.now()
  const view = () => new DataView(host.memory().buffer)
  const functions: Record<string, WasiFunction> = {
    ...refusals(),
    args_get: () => success,
    args_sizes_get: safely((count: number, size: number) => writeWords(view(), [count, 0], [size, 0])),
    environ_get: safely((list: number, text: number) => writeStrings(view(), environment, list, text)),
    environ_sizes_get: safely((count: number, size: number) => {
      const bytes = environment.reduce((sum, { length }) => sum + length, 0)
      return writeWords(view(), [count, environment.length], [size, bytes])
    }),
    clock_res_get: safely((_clock: number, result: number) => {
      view().setBigUint64(result >>> 0, 1n, true)
      return success
    }),
    clock_time_get: safely((clock: number, _precision: bigint, result: number) => {
      if (clock !== 0 && clock !== 1) return notSupported
      const ms = clock === 0 ? performance.timeOrigin + performance.now() : performance.now() - startedAt
      view().setBigUint64(result >>> 0, BigInt(Math.round(ms * 1_000_000)), true)
      return success
    }),
    random_get: safely((at: number, length: number) => {
      if (length >>> 0 > mostRandom) return invalid
      getRandomValues(new Uint8Array(host.memory().buffer, at >>> 0, length >>> 0))
      return success
    }),
    fd_write: safely((descriptor: number, pieces: number, count: number, written: number) =>
      isOutput(descriptor) ? output.write(descriptor, view(), pieces, count, written) : badDescriptor,
    ),
    fd_fdstat_get: safely((descriptor: number, result: number) => {
      if (!isOutput(descriptor)) return badDescriptor
      const stat = new Uint8Array(host.memory().buffer, result >>> 0, statBytes).fill(0)
      stat[rightsAt] = rightToWrite
      return success
    }),
    poll_oneoff: safely((_in: number, _out: number, _count: number, events: number) =>
      writeWords(view(), [events, 0]),
    ),
    proc_exit: (code: number) => host.exit(code),
  }
  return { functions, flush: () => output.flush() }
}

const success = 0
const badDescriptor = 8
const badAddress = 21
const invalid = 28
const noEntry = 44
const notImplemented = 52
const notSupported = 58
const mostRandom = 65_536
const statBytes = 24
const rightsAt = 8
const rightToWrite = 64

const isOutput = (descriptor: number): descriptor is 1 | 2 => descriptor === 1 || descriptor === 2

/** What there is no such thing as here, by the number that says so; a few are done when nothing is done. */
function refusals(): Record<string, WasiFunction> {
  const table = [
    [success, 'fd_close fd_seek sched_yield'],
    [notImplemented, 'fd_fdstat_set_flags fd_prestat_dir_name fd_read'],
    [badDescriptor, 'fd_prestat_get fd_filestat_get'],
    [noEntry, 'path_open'],
    [
      notSupported,
      'path_create_directory path_filestat_get path_filestat_set_times path_link path_readlink ' +
        'path_remove_directory path_rename path_symlink path_unlink_file proc_raise ' +
        'sock_accept sock_recv sock_send sock_shutdown',
    ],
  ] as const
  const files =
    'fd_advise fd_allocate fd_datasync fd_fdstat_set_rights fd_filestat_set_size fd_filestat_set_times ' +
    'fd_pread fd_pwrite fd_readdir fd_renumber fd_sync fd_tell'
  const ofOutput = (descriptor: number) => (isOutput(descriptor) ? success : badDescriptor)
  return Object.fromEntries([
    ...table.flatMap(([code, names]) => names.split(' ').map((name) => [name, () => code] as const)),
    ...files.split(' ').map((name) => [name, ofOutput] as const),
  ])
}

/** An address outside of the memory is an error number for the guest, and none of ours. */
function safely<Args extends (number | bigint)[]>(
  action: (...args: Args) => number,
): (...args: Args) => number {
  return (...args) => {
    try {
      return action(...args)
    } catch (thrown) {
      if (thrown instanceof RangeError) return badAddress
      throw thrown
    }
  }
}

function writeWords(view: DataView, ...words: readonly (readonly [at: number, value: number])[]): number {
  for (const [at, value] of words) view.setUint32(at >>> 0, value, true)
  return success
}

/** A list of addresses, and at those the texts, one behind the other. */
function writeStrings(view: DataView, texts: readonly Buffer[], list: number, text: number): number {
  const bytes = new Uint8Array(view.buffer)
  let at = text >>> 0
  for (const [index, string] of texts.entries()) {
    view.setUint32((list >>> 0) + index * 4, at, true)
    bytes.set(string, at)
    at += string.length
  }
  return success
}

/** Most bytes that are taken of one call; the guest sees how many, and writes the rest again. */
const mostWritten = 16_384
const mostPieces = 1_024
/** Longer lines are cut. */
const mostLine = 8_192
const newline = 0x0a

/** What a guest writes, gathered to lines: languages write one in many small pieces. */
class Lines {
  readonly #host: WasiHost
  readonly #pending: Record<1 | 2, Buffer> = { 1: Buffer.alloc(0), 2: Buffer.alloc(0) }

  constructor(host: WasiHost) {
    this.#host = host
  }

  write(descriptor: 1 | 2, view: DataView, pieces: number, count: number, result: number): number {
    const found: Buffer[] = [this.#pending[descriptor]]
    let total = 0
    for (let index = 0; index < Math.min(count >>> 0, mostPieces) && total < mostWritten; index += 1) {
      const piece = (pieces >>> 0) + index * 8
      const whole = Buffer.from(
        view.buffer as ArrayBuffer,
        view.getUint32(piece, true),
        view.getUint32(piece + 4, true),
      )
      const length = Math.min(whole.length, mostWritten - total)
      found.push(whole.subarray(0, length))
      total += length
    }
    view.setUint32(result >>> 0, total, true)
    let rest = Buffer.concat(found)
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      this.#say(descriptor, rest.subarray(0, end))
      rest = rest.subarray(end + 1)
    }
    for (; rest.length > mostLine; rest = rest.subarray(mostLine)) {
      this.#say(descriptor, rest.subarray(0, mostLine))
    }
    this.#pending[descriptor] = Buffer.from(rest)
    return success
  }

  flush(): void {
    for (const descriptor of [1, 2] as const) {
      const rest = this.#pending[descriptor]
      if (rest.length === 0) continue
      this.#pending[descriptor] = Buffer.alloc(0)
      this.#say(descriptor, rest)
    }
  }

  #say(descriptor: 1 | 2, line: Buffer): void {
    if (line.length > 0) this.#host.print(descriptor, line.subarray(0, mostLine).toString('utf8'))
  }
}

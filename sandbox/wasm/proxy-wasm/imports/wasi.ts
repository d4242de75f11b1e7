import { createWasi, type Wasi } from '../../wasi.ts'
import type { Caller } from '../caller.ts'

/** A guest that leaves by `proc_exit`: that is the end of its instance. */
export class GuestExit extends Error {
  override readonly name = 'GuestExit'

  constructor(code: number) {
    super(`it left with proc_exit(${code})`)
  }
}

const info = 2
const error = 4

/** WASI for a guest of Proxy-Wasm: what it prints are its log lines, with the level of information, or of errors. */
export function wasiOf(caller: Caller): Wasi {
  return createWasi({
    memory: () => caller.memory.whole,
    print: (descriptor, line) => {
      caller.log.write(caller.spec, descriptor === 1 ? info : error, Buffer.from(line))
    },
    environment: caller.settings.environment,
    exit: (code) => {
      throw new GuestExit(code)
    },
  })
}

import type { PluginSpec } from '../../../chains/plugins.ts'
import { PluginError, type PluginErrorKind } from '../../plugin/contract.ts'
import type { Watch } from '../../quickjs/watch.ts'

const maxFrames = 20
const maxFrameLength = 200
/** A frame of V8's: `    at NAME (wasm://wasm/HASH:wasm-function[12]:0x1f)`, without brackets where there is no name. */
const frameOf = /^ +at (?:(.*) \()?wasm:\/\/[^)]*?wasm-function\[(\d+)\]:(0x[0-9a-f]+)\)?$/
/** How full the memory of a guest is that fails for want of more: allocators ask for more than a page at once. */
const fullShare = 7 / 8

/** How an instance was when a call into it failed. */
export interface FailedCall {
  readonly spec: PluginSpec
  /** What was called: a callback, or a start function. */
  readonly name: string
  readonly watch: Watch
  readonly memoryBytes: number
}

/** What to throw for a call that failed: of which kind, and in which functions of the guest. */
export function failureOf(cause: unknown, call: FailedCall): PluginError {
  const { spec, watch, memoryBytes } = call
  const mostBytes = spec.policy.limits.memoryMiB * 1_048_576
  const frames = guestFrames(cause)
  const within = frames.length ? `; in ${frames.join(', called by ')}` : ''
  const error = (kind: PluginErrorKind, what: string): PluginError => {
    const made = new PluginError(spec, kind, null, `${call.name} ${what}${within}`)
    made.cause = cause
    return made
  }
  if (watch.isStopped) return error('timeout', `ran for more than ${watch.limitMs} ms`)
  const message = messageOf(cause)
  const isTrap = cause instanceof WebAssembly.RuntimeError
  if (isTrap && memoryBytes > mostBytes * fullShare) {
    return error(
      'memory',
      `trapped (${message}) with ${memoryBytes} bytes of memory; ${mostBytes} are allowed`,
    )
  }
  if (cause instanceof WebAssembly.Exception)
    return error('exception', 'threw an exception that nothing caught')
  return error('crash', isTrap ? `trapped: ${message}` : `failed: ${message}`)
}

function messageOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause)
  return message.split('\n', 1)[0] as string
}

/** The names of the guest's functions that were running, innermost first; their numbers where the module has no names. */
function guestFrames(cause: unknown): string[] {
  if (!(cause instanceof Error) || typeof cause.stack !== 'string') return []
  return cause.stack
    .split('\n')
    .flatMap((line) => {
      const found = frameOf.exec(line)
      if (!found) return []
      const [, name = '', index, offset] = found
      return [
        `${name.replace(/^\S+\.wasm\./, '').slice(0, maxFrameLength) || `function ${index}`} at ${offset}`,
      ]
    })
    .slice(0, maxFrames)
}

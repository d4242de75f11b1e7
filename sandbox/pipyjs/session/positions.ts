import type { PluginSpec } from '../../../chains/plugins.ts'
import { PluginError, PluginFault, type PluginPosition } from '../../plugin/contract.ts'
import { EngineError, type GuestFrame } from '../../quickjs/contract.ts'
import type { PlanPlace } from '../plan.ts'

const maxReason = 500

/** Turns places of the engine into those of the author's own file, and failures of the engine into a plugin's. */
export class Positions {
  readonly #spec: PluginSpec
  readonly #fileName: string
  /** What stands before the script in its first line. */
  readonly #prefixLength: number

  constructor(spec: PluginSpec, fileName: string, prefixLength: number) {
    this.#spec = spec
    this.#fileName = fileName
    this.#prefixLength = prefixLength
  }

  /** A place of the engine, within the script. */
  place(line: number, column: number): PlanPlace {
    return { line, column: line === 1 ? Math.max(1, column - this.#prefixLength) : column }
  }

  /** A place within the script, in the author's file; null when it is unknown. */
  position({ line, column }: PlanPlace): PluginPosition | null {
    const { origin, lineOffset, columnOffset } = this.#spec
    return line > 0 ? { file: origin, line: line + lineOffset, column: column + columnOffset } : null
  }

  /** Where in the script something went wrong: the innermost frame that is the author's. */
  ofFrames(frames: readonly GuestFrame[]): PluginPosition | null {
    const frame = frames.find(({ file }) => file === this.#fileName)
    return frame ? this.position(this.place(frame.line, frame.column)) : null
  }

  /** Why the script cannot be loaded. */
  fault(thrown: unknown): PluginFault {
    if (thrown instanceof PluginFault) return thrown
    const frames = thrown instanceof EngineError ? thrown.frames : []
    const fault = new PluginFault(this.#spec, this.ofFrames(frames), reasonOf(thrown))
    fault.cause = thrown
    return fault
  }

  /** A fault at a place within the script. */
  faultAt(place: PlanPlace, reason: string): PluginFault {
    return new PluginFault(this.#spec, this.position(place), reason)
  }

  /** How a call failed. */
  error(thrown: unknown): PluginError {
    if (thrown instanceof PluginError) return thrown
    const isOfEngine = thrown instanceof EngineError
    const frames = isOfEngine ? thrown.frames : []
    const kind = isOfEngine ? thrown.kind : 'crash'
    const error = new PluginError(this.#spec, kind, this.ofFrames(frames), reasonOf(thrown))
    error.cause = thrown
    return error
  }

  /** A failure that the guest told about. */
  rejection(message: string, frames: readonly GuestFrame[]): PluginError {
    return new PluginError(this.#spec, 'exception', this.ofFrames(frames), oneLine(message))
  }
}

function reasonOf(thrown: unknown): string {
  return oneLine(thrown instanceof Error ? thrown.message : String(thrown))
}

function oneLine(text: string): string {
  const line = text.replace(/\s*\n\s*/g, ' ').trim()
  return line.length > maxReason
    ? `${line.slice(0, maxReason)}…`
    : line || 'it threw nothing that has a message'
}

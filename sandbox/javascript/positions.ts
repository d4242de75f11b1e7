import type { PluginSpec } from '../../chains/plugins.ts'
import { positionFinder } from '../compile/source-map.ts'
import { PluginError, type PluginPosition } from '../plugin/contract.ts'
import { EngineError, type GuestFrame } from '../quickjs/contract.ts'

/** Finds places in what the author wrote, from places in what is run. */
export interface Positions {
  /** The name under which the module is evaluated. */
  readonly file: string
  of(frames: readonly GuestFrame[]): PluginPosition | null
  /** An engine's error as a plugin's. Anything else is thrown again: it is a fault of ours. */
  error(thrown: unknown): PluginError
}

/** The positions of one plugin. */
export function positionsOf(spec: PluginSpec): Positions {
  const file = `/plugins/${spec.name}.js`
  const find = positionFinder(spec)
  const of = (frames: readonly GuestFrame[]): PluginPosition | null => {
    const frame = frames.find((candidate) => candidate.file === file && candidate.line > 0)
    return frame ? find(frame.line, frame.column) : null
  }
  return {
    file,
    of,
    error(thrown) {
      if (thrown instanceof PluginError) return thrown
      if (!(thrown instanceof EngineError)) throw thrown
      return new PluginError(spec, thrown.kind, of(thrown.frames), thrown.message)
    },
  }
}

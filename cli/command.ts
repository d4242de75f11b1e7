import type { OptionSpecs, OptionValues } from './options.ts'

/** Exit codes, the same for all commands. */
export const exitCodes = { well: 0, refused: 1, wrongUsage: 2 } as const

/** One command of the program. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Further lines of its help. */
  readonly details: readonly string[]
  readonly options: OptionSpecs
  /** Resolves with the exit code. */
  run(values: OptionValues): Promise<number>
}

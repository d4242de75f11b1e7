import { loadEngineCode } from '../engine-code.ts'

/** The engine's code, for all tests of a file. */
export const engineCode = await loadEngineCode()

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { meter } from '../metering/meter.ts'
import type { EngineCode } from './contract.ts'
import { build, initialPages, layout } from './library.ts'
import { fuelQuantum } from './watch.ts'

/**
 * Reads QuickJS, meters it and compiles it: some 150 ms, once in a process. Throws an `Error` when the
 * installed build is not the one that this folder is written for.
 */
export async function loadEngineCode(): Promise<EngineCode> {
  const path = fileURLToPath(import.meta.resolve(build.wasm))
  const bytes = await readFile(path)
  const hash = createHash('sha256').update(bytes).digest('hex')
  if (hash !== build.sha256) {
    throw new Error(
      `${path} is not the QuickJS of version ${build.version}: its SHA-256 is ${hash}, not ${build.sha256}`,
    )
  }
  const metered = meter(withLessMemory(bytes), {
    mode: 'tick',
    initialFuel: fuelQuantum,
    maxPages: 65_536,
    maxTable: 10_000,
  })
  return { module: await WebAssembly.compile(new Uint8Array(metered)) }
}

/**
 * The build asks for 16 MiB at least, more than many a guest may have: what it
 * asks for is set to {@link initialPages}, as a number of two bytes like the one before.
 */
function withLessMemory(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes)
  changed[layout.fileMinimumPages] = 0x80 | (initialPages & 0x7f)
  changed[layout.fileMinimumPages + 1] = initialPages >> 7
  return changed
}

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { fuelExport, meter, tickImport } from './meter.ts'
import { ample, modes } from './testing/instances.ts'

const quickjs = await readFile(fileURLToPath(import.meta.resolve('@jitl/quickjs-wasmfile-release-sync/wasm')))
const original = new WebAssembly.Module(quickjs)

for (const mode of modes) {
  test(`QuickJS keeps its imports and exports, and gets ours (${mode})`, async (t) => {
    const module = new WebAssembly.Module(new Uint8Array(meter(quickjs, { ...ample, mode })))
    t.same(WebAssembly.Module.exports(module), [
      ...WebAssembly.Module.exports(original),
      { name: fuelExport, kind: 'global' },
    ])
    t.same(WebAssembly.Module.imports(module), [
      ...WebAssembly.Module.imports(original),
      ...(mode === 'tick' ? [{ ...tickImport, kind: 'function' }] : []),
    ])
  })
}

import loadWabt from 'wabt'

// Multiple memories are a feature that the package's own types leave out.
const features = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  memory64: true,
  multi_memory: true,
  extended_const: true,
  relaxed_simd: true,
  gc: true,
  function_references: true,
}

const wabt = await loadWabt()

/** A module out of its text. `hasNames` keeps the names of functions and locals. */
export function wat(text: string, hasNames = false): Uint8Array<ArrayBuffer> {
  const module = wabt.parseWat('test.wat', text, features)
  try {
    return new Uint8Array(module.toBinary({ write_debug_names: hasNames }).buffer)
  } finally {
    module.destroy()
  }
}

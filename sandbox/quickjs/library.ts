/**
 * The one build of QuickJS that this folder is written for. Its exports and imports have short names
 * that each build gives anew, and {@link layout} is what its compiler made; so another build is
 * refused until this file was gone through again (README).
 */
export const build = {
  wasm: '@jitl/quickjs-wasmfile-release-sync/wasm',
  version: '0.32.0',
  sha256: '105c3bed22d457e43e3d1c3c1c6959fda62a8fe06f0fc8a985303c3a2be72232',
} as const

/** Pages of 64 KiB: room for the stack, the constants and what every guest has. The heap grows from there. */
export const initialPages = 96

/** Where things are in the memory of {@link build}, and in its file. Checked by the hash, and by tests. */
export const layout = {
  /** Below this are the stack and constants; all memory above is the heap. */
  heapStart: 5_333_112,
  /** In the file: the two bytes of the least number of pages (256) that the imported memory must have. */
  fileMinimumPages: 964,
  /** In a runtime: how many blocks are allocated, and past how many (in units of 8) cycles are collected. */
  runtimeBlocks: 16,
  runtimeCollectAbove: 108,
  /** In a context: how many steps are left until the interrupt handler is asked. */
  contextSteps: 232,
  /** In a string: its length (the top bit is set when it is of two-byte units), and its units. */
  stringLength: 4,
  stringUnits: 16,
  /** In a rope that was made flat: the flat string, and an empty one. */
  ropeLeft: 16,
  ropeRight: 24,
  /** In an object: its class (the upper half of the word), and what it has if it is an ArrayBuffer. */
  objectClass: 4,
  objectArrayBuffer: 32,
  arrayBufferClass: 19,
  /** In what an ArrayBuffer has, which begins with its length: whether it was detached, and where its bytes are. */
  bufferIsDetached: 8,
  bufferData: 12,
} as const

/** The upper half of a value: what it is. All others are doubles, moved up by {@link doubleOffset}. */
export const tags = {
  rope: -6,
  string: -7,
  object: -1,
  int: 0,
  boolean: 1,
  null: 2,
  undefined: 3,
  exception: 6,
} as const
/** Upper halves in this range, from the first, are {@link tags}. */
export const tagRange = { first: -9, count: 17 } as const
/** What the upper half of a double is stored less than it is. */
export const doubleOffset = 0x7ff8_000a

/** How a value is evaluated (`JS_EVAL_…`). */
export const evalFlags = { script: 0, module: 1, compileOnly: 32 } as const

/** What is called of the module's exports, by the name its build gave it. */
export const exportNames = {
  construct: 'u',
  malloc: 'v',
  free: 'M',
  newRuntime: 'K',
  setMemoryLimit: 'y',
  setMaxStackSize: 'D',
  enableInterruptHandler: 'Fa',
  enableModuleLoader: 'Ha',
  newContext: 'N',
  getUndefined: 'E',
  getNull: 'F',
  newArrayBuffer: 'X',
  newObjectProto: 'V',
  newFunction: 'Da',
  newError: 'x',
  throwValue: 'w',
  defineProperty: 'ka',
  getPropertyByIndex: 'ia',
  getString: '$',
  freeString: 'S',
  decode: 'Ka',
  call: 'ma',
  evaluate: 'pa',
  isJobPending: 'fa',
  executePendingJobs: 'ga',
  promiseState: 'wa',
  promiseResult: 'xa',
  resolveException: 'na',
  freeValue: 'P',
} as const

/** What the module imports of us, by the name its build gave it. */
export const importNames = {
  memory: 'a',
  assertFailed: 'b',
  writeFile: 'c',
  closeFile: 'd',
  environment: 'e',
  environmentSizes: 'f',
  normalizeModule: 'g',
  loadModule: 'h',
  interrupt: 'i',
  setTimer: 'j',
  growHeap: 'k',
  keepAlive: 'l',
  localTime: 'm',
  timeZone: 'n',
  seekFile: 'o',
  dateNow: 'p',
  abort: 'q',
  exit: 'r',
  callFunction: 's',
  freeReference: 't',
} as const

/**
 * The functions of one instance: numbers in, a number out; most numbers are addresses in its memory.
 * What they throw is no exception of the guest's: it is the end of the instance.
 */
export type Library = Readonly<Record<keyof typeof exportNames, (...args: number[]) => number>>

/** The exports of an instance under names that say what they do. */
export function bindLibrary(exports: WebAssembly.Exports): Library {
  const entries = Object.entries(exportNames).map(([name, exported]) => [name, exports[exported]])
  return Object.fromEntries(entries) as Library
}

/** A module that cannot be run as a plugin. The message is one line that says what is wrong with it and what would be right. */
export class WasmRefusal extends Error {
  override readonly name = 'WasmRefusal'
  /** What the module was loaded as. */
  readonly module: string

  constructor(module: string, reason: string, cause?: unknown) {
    super(`${module}: ${reason}`, { cause })
    this.module = module
  }
}

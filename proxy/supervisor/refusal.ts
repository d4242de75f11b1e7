/** Something that was asked for and cannot be, with every reason: one line each, for the person who asked. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reasons: readonly string[]

  constructor(reasons: readonly string[], options?: ErrorOptions) {
    super(reasons.join('\n'), options)
    this.reasons = reasons
  }
}

/** Runs `work`; whatever it throws becomes a {@link Refusal} with its message. */
export async function orRefusal<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    throw new Refusal([message], { cause: thrown })
  }
}

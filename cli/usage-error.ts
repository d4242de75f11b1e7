/** A command line that makes no sense. Its message is one line; the program then exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

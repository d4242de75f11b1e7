/** An error that says by itself what is wrong, and where: messages are shown without the name of a class. */
export class Fault extends Error {
  override get name(): string {
    return ''
  }
}

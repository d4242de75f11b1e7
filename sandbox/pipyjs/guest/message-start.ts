/** A message begins. */
export class MessageStart {
  // Declared only: a field that is initialised costs as much again as the object.
  declare head: unknown

  constructor(head?: unknown) {
    this.head = head === undefined || head === null ? {} : head
  }
}

/** Under this a message of the host has the number of its head; 0 once it is the script's own. */
export const headNumber = Symbol('head')
/** Under this it has the view of its headers, once somebody has looked. */
export const headersView = Symbol('headers')
/** Under this it has the properties of its head that HTTP has no place for, once somebody has looked. */
export const headExtras = Symbol('extras')
/** Under this it has the head that it kept when its exchange was over. */
export const keptHead = Symbol('kept')

/** A message begins. Those of the host have a view for a head, and symbols for properties. */
export class MessageStart {
  // Declared only: fields that are initialised cost as much again as the object.
  declare head: unknown
  declare [headNumber]?: number
  declare [headersView]?: object | undefined
  declare [headExtras]?: Record<string, unknown> | undefined
  declare [keptHead]?: Record<string, unknown>

  constructor(head?: unknown) {
    this.head = head === undefined || head === null ? {} : head
  }
}

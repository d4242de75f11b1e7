/** Under this the state of a head has its number; 0 once it is the script's own. */
export const headNumber = Symbol('number')
/** Under this it has what HTTP has no place for, once somebody has looked. */
export const headExtras = Symbol('extras')
/** Under this it has the whole head, once its exchange is over. */
export const keptHead = Symbol('kept')

/** What the views of a head are views of. */
export interface HeadState {
  [headNumber]: number
  [headExtras]: Record<string, unknown> | undefined
  [keptHead]: Record<string, unknown> | undefined
}

/** What every object inherits, behind whatever a head or its headers say. */
export const plain = Object.prototype as unknown as Record<PropertyKey, unknown>

/** Traps that make a view look like a plain object that nobody can freeze. */
export const plainTraps = {
  getPrototypeOf: () => Object.prototype,
  setPrototypeOf: () => false,
  preventExtensions: () => false,
} as const

/** Whether a descriptor could be one of a plain object's property with a value. */
export function hasValue(descriptor: PropertyDescriptor): boolean {
  return !('get' in descriptor || 'set' in descriptor)
}

/** A property as a plain object has it. */
export function plainProperty(value: unknown): PropertyDescriptor {
  return { value, writable: true, enumerable: true, configurable: true }
}

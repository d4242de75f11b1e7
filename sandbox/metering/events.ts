/** The instructions that matter to metering, and places in straight code at which one can be inserted. */
export const EventKind = {
  /** Nothing but a place. */
  place: 0,
  block: 1,
  loop: 2,
  if: 3,
  else: 4,
  end: 5,
  /** A jump to the label that is `operand` blocks out may happen here. */
  branch: 6,
  /** What follows is not reached from here. */
  leave: 7,
  /** The handler of an exception begins. */
  catch: 8,
  /** An exception may lead to the label that is `operand` blocks out. */
  caught: 9,
  /** A direct call of the function `operand`, as numbered in the module as it came. */
  call: 10,
  /** A tail call of the function `operand`. */
  returnCall: 11,
  /** A reference to the function `operand`. */
  reference: 12,
  /** An instruction that costs `operand` units beside its own. */
  heavy: 13,
  /** An instruction that works on as many bytes or entries as its last operand says. */
  bulk: 14,
} as const

/** One of {@link EventKind}. */
export type EventKind = (typeof EventKind)[keyof typeof EventKind]

/** Events of all functions in the order of the code, in columns: a module of a megabyte has some hundred thousand. */
export class EventList {
  length = 0
  kind: Uint8Array
  /** Where the instruction begins, in the module as it came. */
  at: Int32Array
  /** How many bytes the instruction has; counted for loops, calls, references and bulk instructions only. */
  size: Uint8Array
  /** The weight of the instructions since the last event, this one included. */
  weight: Int32Array
  /** For a loop the weight of the instructions in it that are in no inner loop. */
  operand: Int32Array
  /** What is charged right before the instruction beside `operand`; set when the call graph is known. */
  surcharge: Int32Array

  constructor(expected: number) {
    this.kind = new Uint8Array(expected)
    this.at = new Int32Array(expected)
    this.size = new Uint8Array(expected)
    this.weight = new Int32Array(expected)
    this.operand = new Int32Array(expected)
    this.surcharge = new Int32Array(expected)
  }

  /** Adds one and returns its number. */
  add(kind: EventKind, at: number, size: number, weight: number, operand: number): number {
    const index = this.length
    if (index === this.kind.length) this.#grow()
    this.kind[index] = kind
    this.at[index] = at
    this.size[index] = size
    this.weight[index] = weight
    this.operand[index] = operand
    this.length = index + 1
    return index
  }

  #grow(): void {
    const size = this.kind.length * 2 + 64
    this.kind = widened(this.kind, new Uint8Array(size))
    this.at = widened(this.at, new Int32Array(size))
    this.size = widened(this.size, new Uint8Array(size))
    this.weight = widened(this.weight, new Int32Array(size))
    this.operand = widened(this.operand, new Int32Array(size))
    this.surcharge = widened(this.surcharge, new Int32Array(size))
  }
}

function widened<T extends Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}

import type { CallbackArgument } from '../../guest-session.ts'
import type { FilterReader } from '../arguments.ts'
import type { Pipeline } from '../pipeline.ts'

/** What a script said that branches begin with. */
export type ForkInit =
  | { readonly kind: 'one' }
  | { readonly kind: 'values'; readonly values: readonly PlainValue[] }
  | { readonly kind: 'function'; readonly fn: number }

type PlainValue = null | boolean | number | string

/** What one branch begins with. */
export interface BranchInit {
  /** Whether it has variables of its own. */
  readonly isClone: boolean
  readonly startArguments: readonly CallbackArgument[]
}

/** Branches of one fork: each costs a context. */
const maxBranches = 64

/** The one branch of a fork without a list; it shares the context of the main line. */
const one: readonly BranchInit[] = [{ isClone: false, startArguments: [] }]

/** Reads what a fork begins with. */
export function readForkInit(reader: FilterReader): ForkInit {
  reader.atMost(1)
  const fn = reader.function(0)
  if (fn !== null) return { kind: 'function', fn }
  const list = reader.data(0, 'an array, or a function that gives one')
  if (!Array.isArray(list)) return { kind: 'one' }
  if (list.length > maxBranches) throw reader.fault(`it takes at most ${maxBranches} branches`)
  if (!list.every(isPlain)) {
    throw reader.fault('an array of objects must come from a function: fork(() => [ … ])')
  }
  return { kind: 'values', values: list }
}

/** The branches of one exchange; null when finding out failed, and the line with it. */
export function branchInits(
  pipeline: Pipeline,
  init: ForkInit,
  reader: FilterReader,
): readonly BranchInit[] | null {
  if (init.kind === 'one') return one
  if (init.kind === 'values')
    return init.values.map((value, index) => cloneFor({ type: 'plain', value }, index))
  const result = pipeline.call(init.fn, 'value', [])
  if (result === null) return null
  if (result.type !== 'array') return one
  const { handles } = result
  if (handles.length > maxBranches) {
    pipeline.overLimit(
      reader.place,
      `${handles.length} branches are more than the ${maxBranches} there may be`,
    )
    return null
  }
  return handles.map((handle, index) => cloneFor({ type: 'handle', handle }, index))
}

function cloneFor(element: CallbackArgument, index: number): BranchInit {
  return { isClone: true, startArguments: [element, { type: 'plain', value: index }] }
}

function isPlain(value: unknown): value is PlainValue {
  return value === null || typeof value !== 'object'
}

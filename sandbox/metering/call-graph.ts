import { EventKind } from './events.ts'
import type { Survey } from './survey.ts'
import { importWeight, valuesPerInstruction } from './weights.ts'

/** What calls of the functions cost; imported ones are not in it. */
export interface CallGraph {
  /** 1 for a function that is charged when it is entered. */
  readonly isCharged: Uint8Array
  /** The weight of a function with all that it calls and that is not charged itself. */
  readonly expanded: Float64Array
}

const State = { new: 0, open: 1, done: 2 } as const

/**
 * Decides which functions are charged at entry: those that could call
 * themselves, directly or through what is not known (every circle of calls has
 * one that is charged), and those of more than `leaf` instructions, what they
 * call counted in. For the small ones the caller pays.
 */
export function readCallGraph(survey: Survey, importedFunctions: number, leaf: number): CallGraph {
  const { functions } = survey
  const graph = { isCharged: new Uint8Array(functions), expanded: new Float64Array(functions) }
  const state = new Uint8Array(functions)
  const next = survey.firstEvent.slice(0, functions)
  const open: number[] = []
  const enter = (index: number): void => {
    state[index] = State.open
    graph.isCharged[index] = survey.callsUnknown[index] as number
    graph.expanded[index] = ownWeight(survey, index)
    open.push(index)
  }
  for (let root = 0; root < functions; root += 1) {
    if (state[root] === State.new) enter(root)
    while (open.length > 0) {
      const caller = open.at(-1) as number
      const callee = nextCallee(survey, next, caller)
      if (callee === null) {
        open.pop()
        state[caller] = State.done
        if ((graph.expanded[caller] as number) > leaf) graph.isCharged[caller] = 1
        if (open.length > 0) addCallee(graph, open.at(-1) as number, caller)
      } else if (callee < importedFunctions) {
        graph.expanded[caller] = (graph.expanded[caller] as number) + importWeight
      } else {
        const own = callee - importedFunctions
        if (state[own] === State.new) enter(own)
        else if (state[own] === State.open) graph.isCharged[caller] = 1
        else addCallee(graph, caller, own)
      }
    }
  }
  return graph
}

/** What the callee of a call adds to the weight of its caller. */
export function calleeWeight(graph: CallGraph, callee: number, importedFunctions: number): number {
  if (callee < importedFunctions) return importWeight
  const own = callee - importedFunctions
  return graph.isCharged[own] ? 0 : (graph.expanded[own] as number)
}

function ownWeight(survey: Survey, index: number): number {
  return (survey.total[index] as number) + Math.floor((survey.locals[index] as number) / valuesPerInstruction)
}

function addCallee(graph: CallGraph, caller: number, callee: number): void {
  if (graph.isCharged[callee]) return
  graph.expanded[caller] = (graph.expanded[caller] as number) + (graph.expanded[callee] as number)
}

/** Moves on to the next direct call of a function; `next` keeps the place. */
function nextCallee(survey: Survey, next: Int32Array, caller: number): number | null {
  const { kind, operand } = survey.events
  const end = survey.firstEvent[caller + 1] as number
  for (let event = next[caller] as number; event < end; event += 1) {
    if (kind[event] !== EventKind.call && kind[event] !== EventKind.returnCall) continue
    next[caller] = event + 1
    return operand[event] as number
  }
  next[caller] = end
  return null
}

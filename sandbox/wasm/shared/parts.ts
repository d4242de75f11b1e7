import { SharedHeap } from './heap.ts'
import { SharedMemory } from './memory.ts'
import { SharedQueues } from './queues.ts'
import { SharedSpaces } from './spaces.ts'
import { SharedTable } from './table.ts'
import { SharedValues } from './values.ts'

/** The shared memory as one thread works on it. */
export interface SharedParts {
  readonly memory: SharedMemory
  readonly heap: SharedHeap
  readonly table: SharedTable
  readonly values: SharedValues
  readonly spaces: SharedSpaces
  readonly queues: SharedQueues
}

/** What the thread of a seat needs to work on the shared memory. `onRollback` as {@link SharedMemory} has it. */
export function openShared(buffer: SharedArrayBuffer, seat: number, onRollback: () => void): SharedParts {
  const memory = new SharedMemory(buffer, seat, onRollback)
  const heap = new SharedHeap(memory)
  const table = new SharedTable(memory, heap)
  const values = new SharedValues(memory, table)
  return {
    memory,
    heap,
    table,
    values,
    spaces: new SharedSpaces(memory, table),
    queues: new SharedQueues(memory, table, values),
  }
}

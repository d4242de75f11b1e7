import { EventList } from './events.ts'

/** What the function bodies of a module were found to be, in columns by function; imported ones are not counted. */
export interface Survey {
  readonly functions: number
  /** Where the declarations of locals begin. */
  readonly start: Int32Array
  /** Where the instructions begin. */
  readonly code: Int32Array
  /** Where the body ends. */
  readonly end: Int32Array
  readonly locals: Int32Array
  /** The weight of all instructions. */
  readonly total: Int32Array
  /** The weight of those that are in no loop. */
  readonly outside: Int32Array
  /** 1 for a function that calls what is not known before it runs. */
  readonly callsUnknown: Uint8Array
  /** The first event of a function; one entry more than functions. */
  readonly firstEvent: Int32Array
  readonly events: EventList
}

/** Room for a survey of so many functions. */
export function emptySurvey(functions: number, codeBytes: number): Survey {
  return {
    functions,
    start: new Int32Array(functions),
    code: new Int32Array(functions),
    end: new Int32Array(functions),
    locals: new Int32Array(functions),
    total: new Int32Array(functions),
    outside: new Int32Array(functions),
    callsUnknown: new Uint8Array(functions),
    firstEvent: new Int32Array(functions + 1),
    events: new EventList(Math.ceil(codeBytes / 4) + 64),
  }
}

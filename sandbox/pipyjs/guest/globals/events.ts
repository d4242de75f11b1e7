import { Data } from '../data.ts'
import { Message, MessageEnd, StreamEnd } from '../events.ts'
import { MessageStart } from '../message-start.ts'
import { defineGlobal } from '../scope.ts'

/** The classes of what flows through pipelines. */
export function installEvents(): void {
  for (const value of [Data, Message, MessageStart, MessageEnd, StreamEnd]) {
    defineGlobal(value.name, { value })
  }
}

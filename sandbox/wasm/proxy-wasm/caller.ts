import type { WasmSettings } from '../../../chains/plugins.ts'
import type { AbiVersion, HostContext, VirtualMachineHost, VirtualMachinePorts } from '../contract.ts'
import type { CallbackName } from './callbacks.ts'
import type { GuestLog } from './guest-log.ts'
import type { GuestMemory } from './guest-memory.ts'

/** The guest that calls a host function, as that function sees it. */
export interface Caller {
  readonly abi: AbiVersion
  readonly settings: WasmSettings
  readonly memory: GuestMemory
  readonly log: GuestLog
  readonly host: VirtualMachineHost
  readonly ports: VirtualMachinePorts
  /** Which callback runs; null while the guest starts. */
  readonly callback: CallbackName | null
  /** For which context: the one that the guest chose, or else the one that was called. */
  readonly context: HostContext
  /** Whose log lines are written: also while the guest starts, when there is no context. */
  readonly spec: HostContext['root']['spec']
  /** 0 undoes it. False when there is no such context. */
  setEffectiveContext(id: number): boolean
  /** Work for the clock of the call: one is a short function. */
  worked(weight: number): void
}

/** A function that guests import. Numbers of 64 bits are `bigint`s. */
export type HostFunction = (...args: never[]) => number

/**
 * When a guest may call a function: always; not inside its allocator; or only
 * when it has also started. At other times the call is the guest's end.
 */
export type Access = 'always' | 'outside-allocator' | 'started'

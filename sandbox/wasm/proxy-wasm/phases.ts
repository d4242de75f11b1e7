import type { Access } from './caller.ts'

/** What a guest is doing: it may call little while it starts, and next to nothing inside its allocator, which runs in the middle of a host function. */
export type Phase = 'starting' | 'allocating' | 'started'

const isAllowed: Readonly<Record<Phase, Readonly<Record<Access, boolean>>>> = {
  starting: { always: true, 'outside-allocator': true, started: false },
  allocating: { always: true, 'outside-allocator': false, started: false },
  started: { always: true, 'outside-allocator': true, started: true },
}

const when: Readonly<Record<Phase, string>> = {
  starting: 'while the guest starts',
  allocating: 'inside the allocator',
  started: 'now',
}

/** Throws when a function may not be called in a phase. */
export function checkPhase(name: string, access: Access, phase: Phase): void {
  if (isAllowed[phase][access]) return
  throw new Error(`restricted_callback: ${name} cannot be called ${when[phase]}`)
}

import { defineGlobal } from '../scope.ts'

const noCodec = 'there is no codec for it here; read and write its bytes with Data'
const noMemory = 'a plugin has no memory to share with the system'

/** What Pipy has and a sandbox has not, and why. */
const absentGlobals: Readonly<Record<string, string>> = {
  Int: 'use numbers, or BigInt for integers of more than 53 bits',
  sqlite: 'a plugin has no files',
  Hessian: noCodec,
  Thrift: noCodec,
  RESP: noCodec,
  protobuf: noCodec,
  BGP: noCodec,
  STUN: noCodec,
  DNS: 'a plugin cannot resolve names, and there is no codec for it; connect() resolves by itself',
  CStruct: noMemory,
  CUnion: noMemory,
  CString: noMemory,
  bpf: 'a plugin cannot reach the kernel',
  Swap: 'pipelines of a plugin are connected by link() and branch()',
  ListenerArray: 'a plugin is mounted on a chain of the sidecar, whose listeners are in its config',
  require: 'a plugin is one script; bundle what it needs',
}

/** Makes names of an object throw an error that says why they are not there. */
export function defineAbsent(object: object, path: string, reasons: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(reasons)) {
    Object.defineProperty(object, name, { get: () => refuse(`${path}${name}`, reasons[name] as string) })
  }
}

/** Makes the globals that are not there say so. */
export function installAbsent(): void {
  for (const name of Object.keys(absentGlobals)) {
    defineGlobal(name, { get: () => refuse(name, absentGlobals[name] as string) })
  }
}

function refuse(what: string, reason: string): never {
  throw new Error(`${what} is not there in a sandbox: ${reason}`)
}

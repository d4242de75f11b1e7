import type { PluginHost } from '../../plugin/contract.ts'
import type { FilterReader } from './arguments.ts'
import {
  decodeHttpRequest,
  decodeHttpResponse,
  encodeHttpRequest,
  encodeHttpResponse,
} from './network/codec.ts'
import { compressHttp, decompressHttp } from './network/compress.ts'
import { connect } from './network/connect.ts'
import { demuxHttp, serveHttp } from './network/demux-http.ts'
import { detectProtocol } from './network/detect-protocol.ts'
import { muxHttp } from './network/mux-http.ts'
import type { StageMaker } from './pipeline.ts'
import { branch } from './stages/branch.ts'
import { chain, use } from './stages/chain.ts'
import { demux } from './stages/demux.ts'
import { dump, print, tee } from './stages/diagnostics.ts'
import { dummy } from './stages/discard.ts'
import { fork } from './stages/fork.ts'
import { first, handleEvents, handleMessageStart, ofAnyType, ofType } from './stages/handle.ts'
import { forkJoin, forkRace } from './stages/join.ts'
import { link, type PipelineFinder } from './stages/link.ts'
import { handleWhole, replaceMessage, replaceMessageBody } from './stages/message.ts'
import { mux } from './stages/mux.ts'
import { pack } from './stages/pack.ts'
import { produce } from './stages/produce.ts'
import { replaceEvents } from './stages/replace.ts'
import { replay } from './stages/replay.ts'
import { throttleConcurrency, throttleDataRate, throttleMessageRate } from './stages/throttle.ts'
import { wait } from './stages/wait.ts'

/** What a filter can be compiled with, beside what the script says of it. */
export interface CompileTools {
  readonly host: PluginHost
  readonly findPipeline: PipelineFinder
}

/**
 * What a filter has to see of a message. `heads`: it passes whole messages on
 * as they are, bodies untouched. `pieces`: messages with a body are taken apart
 * for it. `events`: all messages are.
 */
export type View = 'heads' | 'pieces' | 'events'

/** One kind of filter. */
export interface StageKind {
  readonly view: View
  /** Whether `.to(…)` and the like may follow it; those that need one say so themselves. */
  readonly takesLayouts: boolean
  /** Checks what the script says, and throws a fault that says what would be right. */
  compile(reader: FilterReader, tools: CompileTools): StageMaker
}

type Compile = StageKind['compile']

const kind =
  (view: View, takesLayouts = false) =>
  (compile: Compile): StageKind => ({ view, takesLayouts, compile })

const heads = kind('heads')
const events = kind('events')

/** Every filter there is, by the name of its method. */
export const stageKinds: Readonly<Record<string, StageKind>> = {
  branch: kind('heads', true)((reader) => branch(reader, 'anything')),
  branchMessage: kind('events', true)((reader) => branch(reader, 'message')),
  branchMessageStart: kind('heads', true)((reader) => branch(reader, 'start')),
  chain: heads((reader, { host }) => chain(reader, host)),
  compressHTTP: heads(compressHttp),
  connect: heads((reader, { host }) => connect(reader, host)),
  decodeHTTPRequest: heads((reader, { host }) => decodeHttpRequest(reader, host.network)),
  decodeHTTPResponse: heads((reader, { host }) => decodeHttpResponse(reader, host.network)),
  decompressHTTP: heads(decompressHttp),
  demux: kind('heads', true)(demux),
  demuxHTTP: kind('heads', true)((reader, { host }) => demuxHttp(reader, host.network)),
  detectProtocol: heads(detectProtocol),
  dummy: heads((reader) => {
    reader.atMost(0)
    return dummy
  }),
  dump: events(dump),
  encodeHTTPRequest: events((reader, { host }) => encodeHttpRequest(reader, host.network)),
  encodeHTTPResponse: events((reader, { host }) => encodeHttpResponse(reader, host.network)),
  fork: kind('pieces', true)(fork),
  forkJoin: kind('pieces', true)(forkJoin),
  forkRace: kind('pieces', true)(forkRace),
  handle: events((reader) => handleEvents(reader, ofAnyType)),
  handleData: events((reader) => handleEvents(reader, ofType('data'))),
  handleMessage: events((reader) => handleWhole(reader, 'message')),
  handleMessageBody: events((reader) => handleWhole(reader, 'body')),
  handleMessageEnd: events((reader) => handleEvents(reader, ofType('end'))),
  handleMessageStart: heads(handleMessageStart),
  handleStreamEnd: events((reader) => handleEvents(reader, ofType('streamEnd'))),
  handleStreamStart: heads((reader) => handleEvents(reader, first)),
  link: kind('heads', true)((reader, { findPipeline }) => link(reader, findPipeline)),
  mux: kind('events', true)(mux),
  muxHTTP: kind('heads', true)((reader, { host }) => muxHttp(reader, host.network)),
  muxQueue: kind('events', true)(mux),
  pack: events(pack),
  print: events(print),
  produce: heads(produce),
  replace: events((reader) => replaceEvents(reader, ofAnyType)),
  replaceData: events((reader) => replaceEvents(reader, ofType('data'))),
  replaceMessage: events(replaceMessage),
  replaceMessageBody: events(replaceMessageBody),
  replaceMessageEnd: events((reader) => replaceEvents(reader, ofType('end'))),
  replaceMessageStart: events((reader) => replaceEvents(reader, ofType('start'))),
  replaceStreamEnd: events((reader) => replaceEvents(reader, ofType('streamEnd'))),
  replaceStreamStart: events((reader) => replaceEvents(reader, first)),
  replay: kind('pieces', true)(replay),
  serveHTTP: heads((reader, { host }) => serveHttp(reader, host.network)),
  tee: events(tee),
  throttleConcurrency: heads(throttleConcurrency),
  throttleDataRate: events(throttleDataRate),
  throttleMessageRate: heads(throttleMessageRate),
  use: heads((reader, { host }) => use(reader, host)),
  wait: heads(wait),
}

const notByPlugins = 'it is the sidecar that does this, before the chain and behind it'

/** Filters of Pipy that scripts know by name and that are not there: what holds in their place. */
export const absentKinds: Readonly<Record<string, string>> = {
  acceptHTTPTunnel: 'a CONNECT goes through chain() as it is, and its tunnel with it',
  acceptProxyProtocol: notByPlugins,
  acceptSOCKS: notByPlugins,
  acceptTLS: notByPlugins,
  connectHTTPTunnel: 'write connect() with the address itself',
  connectProxyProtocol: notByPlugins,
  connectSOCKS: 'write connect() with the address itself',
  connectTLS: `plugins connect in the clear: name a service that the sidecar reaches by TLS in chain(['modules/…'])`,
}

import { ProxyError } from '../../../../chains/failures.ts'
import type { ByteStream } from '../../../../chains/stream.ts'
import type { PluginHost } from '../../../plugin/contract.ts'
import type { FilterReader } from '../arguments.ts'
import type { Pipeline, PipelineLayout, StageMaker } from '../pipeline.ts'
import { raw } from '../stages/raw.ts'
import { type ConnectPlan, destinationOf, open, readConnect } from './connect-settings.ts'

/** A stage that is nothing but a connection; who stands around it may make that connection in its place. */
export interface ConnectMaker extends StageMaker {
  readonly connectPlan: ConnectPlan
}

/** Connects with the first event: what comes is written, and what is received goes on. Failures are ends of the stream. */
export function connect(reader: FilterReader, host: PluginHost): ConnectMaker {
  const connectPlan = readConnect(reader, host)
  const maker: StageMaker = (pipeline, next) => raw(pipeline, next, () => connected(pipeline, connectPlan))
  return Object.assign(maker, { connectPlan })
}

/** What `connect()` was told, when that is all that a pipeline does; null for any other. */
export function onlyConnect({ onStart, onEnd, stages }: PipelineLayout): ConnectPlan | null {
  const [first] = stages
  if (!first || stages.length > 1 || onStart !== null || onEnd !== null) return null
  return 'connectPlan' in first ? (first as ConnectMaker).connectPlan : null
}

async function connected(pipeline: Pipeline, plan: ConnectPlan): Promise<ByteStream> {
  const destination = await destinationOf(pipeline, plan)
  if (!destination) throw new ProxyError('PLUGIN_THREW', 'it did not say where to go')
  return open(pipeline, pipeline.line.exchange.runtime.host.network, destination)
}

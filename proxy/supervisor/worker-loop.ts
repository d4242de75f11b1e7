import type { MessagePort } from 'node:worker_threads'
import type { Model } from '../../chains/model.ts'
import type { PluginLoaders } from '../../sandbox/plugin/roster.ts'
import type { SandboxCode } from '../../sandbox/plugin/sandbox-code.ts'
import type { SharedSeat } from '../../sandbox/wasm/shared/home.ts'
import type { DataPlane, PreparedGeneration } from '../data-plane.ts'
import type { LogLevel } from '../telemetry/log.ts'
import type { MetricSnapshot } from '../telemetry/metric-snapshot.ts'
import type { Answer, FromWorker, Kind, Question, ToWorker } from './protocol.ts'
import { makeQueue } from './queue.ts'

/** What a worker is made of, for {@link serveMainThread}. */
export interface WorkerPieces {
  readonly plane: DataPlane
  /** What runs plugins in this thread: scripts, and modules, as far as there is what they need. */
  loadersOf(code: SandboxCode | null, wasmSeat: SharedSeat | null): Promise<PluginLoaders>
  snapshot(): MetricSnapshot
  setLogLevel(level: LogLevel): void
  reopenLogs(): void
  /** What has to be opened for a model beside the data plane, such as its access log. Throws one clear line. */
  open(model: Model): Opened
  /** Flushes what is buffered. */
  close(): Promise<void>
}

/** Something opened for a generation; exactly one of its methods is called. */
export interface Opened {
  commit(): void
  discard(): void
}

type Handlers = { [K in Kind]: (question: Question<K>) => Promise<Answer<K>> }

/** Answers the main thread until it ends this one. */
export function serveMainThread(port: MessagePort, pieces: WorkerPieces): void {
  const handlers = makeHandlers(pieces)
  const say = (message: FromWorker): void => port.postMessage(message)
  port.on('message', async (message: ToWorker) => {
    const { request } = message
    try {
      say({ kind: 'answer', request, answer: await handle(handlers, message.kind, message.question) })
    } catch (thrown) {
      say({ kind: 'failure', request, reason: thrown instanceof Error ? thrown.message : String(thrown) })
    }
  })
  say({ kind: 'ready' })
}

const handle = <K extends Kind>(handlers: Handlers, kind: K, question: Question<Kind>): Promise<Answer<K>> =>
  handlers[kind](question as Question<K>)

interface Waiting {
  readonly prepared: PreparedGeneration
  readonly opened: Opened
}

function makeHandlers(pieces: WorkerPieces): Handlers {
  const { plane } = pieces
  const waiting = new Map<number, Waiting>()
  const inOrder = makeQueue()
  const take = (generation: number): Waiting | undefined => {
    const found = waiting.get(generation)
    waiting.delete(generation)
    return found
  }
  return {
    prepare: ({ generation, model, ports, code, tolerated, wasmSeat }) =>
      inOrder(async () => {
        const opened = pieces.open(model)
        try {
          const loaders = code || wasmSeat ? await pieces.loadersOf(code, wasmSeat) : {}
          const prepared = await plane.prepare(generation, model, ports, { loaders, tolerated })
          waiting.set(generation, { prepared, opened })
          const { listeners, chains, warnings, faulty } = prepared
          return { listeners, chains, warnings, faulty }
        } catch (thrown) {
          opened.discard()
          throw thrown
        }
      }),
    commit: ({ generation }) =>
      inOrder(async () => {
        const found = take(generation)
        if (!found) throw new Error(`generation ${generation} was not prepared`)
        found.opened.commit()
        found.prepared.commit()
        return null
      }),
    discard: ({ generation }) =>
      inOrder(async () => {
        const found = take(generation)
        found?.opened.discard()
        await found?.prepared.discard()
        return null
      }),
    metrics: async () => pieces.snapshot(),
    endpoints: async () => plane.endpoints(),
    plugins: async () => plane.plugins(),
    generations: async () => plane.generations(),
    logLevel: async ({ level }) => {
      pieces.setLogLevel(level)
      return null
    },
    reopenLogs: async () => {
      pieces.reopenLogs()
      return null
    },
    drain: async ({ deadlineMs }) => {
      await plane.drain(deadlineMs)
      return null
    },
    stop: async () => {
      await plane.close()
      await pieces.close()
      return null
    },
  }
}

import { parentPort, workerData } from 'node:worker_threads'
import type { Model } from '../../chains/model.ts'
import type { PluginLoader } from '../../sandbox/plugin/contract.ts'
import { KeyValueClient } from '../../sandbox/plugin/kv-port.ts'
import { createDataPlane } from '../data-plane.ts'
import { AccessLogWriter, type AccessLogWriterOptions } from '../telemetry/access-log-writer.ts'
import { createLog } from '../telemetry/log.ts'
import { presetSeries } from '../telemetry/preset-series.ts'
import { WorkerMeter } from '../telemetry/worker-meter.ts'
import { giveHeartbeat } from './heartbeat.ts'
import type { WorkerSetup } from './protocol.ts'
import { collectWhenQuiet } from './quiet-collection.ts'
import { type Opened, serveMainThread } from './worker-loop.ts'

/** The access log of this worker: the file of the generation that serves. */
class AccessLogs {
  #path: string | null = null
  #writer: AccessLogWriter | null = null
  readonly #closing = new Set<Promise<void>>()
  readonly #options: Omit<AccessLogWriterOptions, 'path'>

  constructor(options: Omit<AccessLogWriterOptions, 'path'>) {
    this.#options = options
  }

  write(line: string): void {
    this.#writer?.write(line)
  }

  reopen(): void {
    this.#writer?.reopen()
  }

  open(model: Model): Opened {
    const path = model.accessLog?.path ?? null
    if (path === this.#path) return { commit() {}, discard() {} }
    const writer = path === null ? null : new AccessLogWriter({ ...this.#options, path })
    return {
      commit: () => {
        const old = this.#writer
        this.#path = path
        this.#writer = writer
        if (old) this.#retire(old)
      },
      discard: () => {
        if (writer) this.#retire(writer)
      },
    }
  }

  async close(): Promise<void> {
    if (this.#writer) this.#retire(this.#writer)
    this.#writer = null
    await Promise.all(this.#closing)
  }

  #retire(writer: AccessLogWriter): void {
    const closed = writer.close().catch(() => {})
    this.#closing.add(closed)
    closed.then(() => this.#closing.delete(closed))
  }
}

function main(setup: WorkerSetup): void {
  if (!parentPort) throw new Error('this file runs as a worker thread only')
  giveHeartbeat(setup.heartbeat, setup.heartbeatMs)
  const log = createLog({ level: setup.logLevel, worker: setup.workerId })
  const meter = new WorkerMeter({ log })
  const dropped = meter.counter('pillion_access_log_dropped_total', {})
  const accessLogs = new AccessLogs({ log, onDrop: (count) => dropped.add(count) })
  const keyValues = new KeyValueClient(setup.keyValues)
  const plane = createDataPlane({
    log,
    meter,
    writeAccessLog: (line) => accessLogs.write(line),
    reusePort: setup.reusePort,
    idPrefix: setup.idPrefix,
    plugins: { keyValueOf: (plugin) => keyValues.of(plugin), metrics: meter.scripts },
  })
  let wasm: Promise<PluginLoader> | null = null
  serveMainThread(parentPort, {
    plane,
    // not before there is a plugin: the sandboxes are a tenth of a worker's memory
    loadersOf: async (code, wasmSeat) => {
      const { makeLoaders, makeWasmLoader } = await import('../../sandbox/plugin/loaders.ts')
      // one for the thread: generations share what its modules keep
      if (wasmSeat) wasm ??= makeWasmLoader(wasmSeat, log)
      return makeLoaders(code, await wasm)
    },
    snapshot: () => {
      plane.measure()
      return meter.snapshot()
    },
    setLogLevel: (level) => log.setLevel(level),
    reopenLogs: () => accessLogs.reopen(),
    open: (model) => {
      const opened = accessLogs.open(model)
      return {
        commit: () => {
          opened.commit()
          presetSeries(model, meter)
          collectWhenQuiet()
        },
        discard: () => opened.discard(),
      }
    },
    close: () => accessLogs.close(),
  })
}

main(workerData as WorkerSetup)

/** The network that the proxy gives to plugins, on real sockets of this machine. */

import { testModel } from '../../../../../chains/policy/testing.ts'
import { ReadBuffers } from '../../../../../proxy/net/read-buffers.ts'
import { Sweeper } from '../../../../../proxy/net/sweeper.ts'
import { PluginNetwork } from '../../../../../proxy/plugin-network/plugin-network.ts'
import { WorkerMeter } from '../../../../../proxy/telemetry/worker-meter.ts'
import type { Network } from '../../../../plugin/network.ts'

const limits = { maxHeadBytes: 8_192, maxTargetBytes: 2_048, maxHeaders: 64 }

/** Dispose of it: that closes what is idle. */
export function realNetwork(): Network & Disposable {
  const model = testModel()
  const network = new PluginNetwork({
    plugin: 'tested',
    model: {
      ...model,
      limits: { ...model.limits, ...limits },
      timeouts: { ...model.timeouts, connectMs: 2_000 },
    },
    meter: new WorkerMeter(),
    shared: {
      sweeper: new Sweeper(),
      buffers: new ReadBuffers(),
      readerLimits: { ...limits, maxBodyBytes: 0, kind: 'response' },
      bodyIdleMs: 2_000,
      streamIdleMs: 2_000,
    },
  })
  return {
    request: (...given) => network.request(...given),
    connect: (...given) => network.connect(...given),
    exchange: (...given) => network.exchange(...given),
    serve: (...given) => network.serve(...given),
    [Symbol.dispose]: () => network[Symbol.dispose](),
  }
}

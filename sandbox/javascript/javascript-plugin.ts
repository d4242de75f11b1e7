import type { ChainName } from '../../chains/model.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import {
  PluginError,
  type PluginHost,
  type PluginLoader,
  pluginFailure,
  type SandboxedPlugin,
} from '../plugin/contract.ts'
import type { EngineCode } from '../quickjs/contract.ts'
import type { GuestSources } from './guest-sources.ts'
import { httpFilter } from './http.ts'
import { callbackBits, ScriptInstance } from './instance.ts'
import { Restarts } from './restarts.ts'
import { tcpFilter } from './tcp.ts'

/** How long the evaluation of a plugin may take when it is loaded, in milliseconds. */
const loadMs = 2_000

/**
 * The loader of plain JavaScript plugins: an ES module whose default export has
 * `onRequest`, `onResponse` or `onData`.
 */
export function javaScriptLoader(code: EngineCode, sources: GuestSources): PluginLoader {
  return (spec: PluginSpec, host: PluginHost): SandboxedPlugin => {
    const restarts = new Restarts(host.tools.clock, spec.policy.limits.callMs, loadMs)
    const fresh = () =>
      restarts.run((mostMs) => new ScriptInstance({ spec, host, code, sources, loadMs: mostMs }))
    const dead = (reason: string) => pluginFailure(new PluginError(spec, 'crash', null, reason))
    let instance = fresh()
    let isDisposed = false
    const current = () => {
      if (isDisposed) throw dead('it was taken out')
      if (!instance.isDead) return instance
      if (restarts.isHeldBack) throw dead('it is held back: it died, and starting it takes long')
      host.meter.restarted()
      try {
        instance = fresh()
      } catch (thrown) {
        throw dead(`it could not be started again: ${thrown instanceof Error ? thrown.message : thrown}`)
      }
      return instance
    }
    const isHttp = (instance.callbacks & (callbackBits.onRequest | callbackBits.onResponse)) !== 0
    const isTcp = (instance.callbacks & callbackBits.onData) !== 0
    const idle = (chain: ChainName, missing: string): null => {
      host.tools.log.warn(`plugin ${spec.name} does nothing in ${chain}: it has no ${missing}`)
      return null
    }
    return {
      http: (chain) => (isHttp ? httpFilter(current) : idle(chain, 'onRequest and onResponse')),
      tcp: (chain) => (isTcp ? tcpFilter(current) : idle(chain, 'onData')),
      usage: () => ({ heapBytes: instance.memoryBytes, exchanges: instance.exchanges.size }),
      [Symbol.dispose]() {
        isDisposed = true
        instance[Symbol.dispose]()
      },
    }
  }
}

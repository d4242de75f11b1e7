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
import { tcpFilter } from './tcp.ts'

/**
 * The loader of plain JavaScript plugins: an ES module whose default export has
 * `onRequest`, `onResponse` or `onData`.
 */
export function javaScriptLoader(code: EngineCode, sources: GuestSources): PluginLoader {
  return (spec: PluginSpec, host: PluginHost): SandboxedPlugin => {
    const fresh = () => new ScriptInstance({ spec, host, code, sources })
    const dead = (reason: string) => pluginFailure(new PluginError(spec, 'crash', null, reason))
    let instance = fresh()
    let isDisposed = false
    const current = () => {
      if (isDisposed) throw dead('it was taken out')
      if (!instance.isDead) return instance
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
    return {
      http: () => (isHttp ? httpFilter(current) : null),
      tcp: () => (isTcp ? tcpFilter(current) : null),
      usage: () => ({ heapBytes: instance.memoryBytes, exchanges: instance.exchanges.size }),
      [Symbol.dispose]() {
        isDisposed = true
        instance[Symbol.dispose]()
      },
    }
  }
}

import { asProxyError, type ProxyError } from '../../../../chains/failures.ts'
import { PluginError, pluginFailure } from '../../../plugin/contract.ts'
import type { HostContext, VirtualMachine } from '../../contract.ts'
import type { CallbackName } from '../callbacks.ts'

/**
 * One context of a guest from `proxy_on_context_create` to `proxy_on_delete`, each once however it ends. A guest that
 * failed in it is told nothing more of it.
 */
export class StreamLife {
  readonly #vm: VirtualMachine
  readonly #context: HostContext
  readonly #failed: (error: ProxyError) => void
  #hasFailed = false
  #state: 'open' | 'ending' | 'over' = 'open'

  /** `failed` is told once, when the guest fails in a call of this context. */
  constructor(vm: VirtualMachine, context: HostContext, failed: (error: ProxyError) => void) {
    this.#vm = vm
    this.#context = context
    this.#failed = failed
  }

  /** Whether the stream is at its end: nothing of it can be changed. */
  get isEnding(): boolean {
    return this.#state !== 'open'
  }

  get hasFailed(): boolean {
    return this.#hasFailed
  }

  create(): void {
    try {
      this.#vm.register(this.#context)
    } catch (thrown) {
      this.#caught(thrown)
      return
    }
    this.call('proxy_on_context_create', this.#context.root.id)
  }

  /** Calls the guest; the number of the context goes before the others. Never throws: when the guest fails, `failed` is told. */
  call(callback: CallbackName, a = 0, b = 0): number | null {
    if (this.#hasFailed || this.#state === 'over') return null
    try {
      return this.#vm.call(callback, this.#context, a, b)
    } catch (thrown) {
      this.#caught(thrown)
      return null
    }
  }

  /** Ends with a failure. The guest is told of it only by the end of the context. */
  fail(error: ProxyError): void {
    if (this.#hasFailed) return
    this.#hasFailed = this.#vm.isDead
    this.#failed(error)
  }

  /** Done, log, delete. `closing` is called before, while the stream can still be seen. */
  end(closing: () => void): boolean {
    if (this.#state !== 'open') return false
    closing()
    this.#state = 'ending'
    for (const callback of ['proxy_on_done', 'proxy_on_log', 'proxy_on_delete'] as const) {
      if (!this.#vm.isDead) this.call(callback)
    }
    this.#state = 'over'
    this.#vm.forget(this.#context.id)
    return true
  }

  #caught(thrown: unknown): void {
    this.fail(thrown instanceof PluginError ? pluginFailure(thrown) : asProxyError(thrown))
  }
}

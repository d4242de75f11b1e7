import { Body } from '../../../../chains/body.ts'
import { Context } from '../../../../chains/context.ts'
import type { PluginSpec } from '../../../../chains/plugins.ts'
import { newVariables } from '../../../../chains/variables.ts'
import type { PluginHost } from '../../../plugin/contract.ts'
import { grantsOf } from '../../../plugin/grants.ts'
import { type HostFunction, HostRefusal } from '../../../quickjs/contract.ts'
import { readShippingOptions, type ShippingOptions } from './shipping-options.ts'

/** Services that the loggers of one plugin can send to. */
const maxServices = 16
/** Bytes that wait to be sent to one service; what comes when there are more is dropped. */
const maxWaiting = 1_048_576
const timeouts = { connectMs: 5_000, idleMs: 10_000 }
/** How often at most the log says that records are lost, in milliseconds. */
const complaintMs = 60_000
const maxAnswer = 65_536

/** Loggers that send to a service (`logging.JSONLogger.toHTTP`): in batches, one at a time, and never waiting for it. */
export function shippingFunctions(
  spec: PluginSpec,
  host: Pick<PluginHost, 'model' | 'network' | 'tools'>,
): Record<string, HostFunction> {
  const grants = grantsOf(spec, host.model)
  const services: Service[] = []
  const names: string[] = []
  return {
    openShipping: (call) => {
      const [logger, address, json] = [call.string(0), call.string(1), call.string(2)]
      const name = JSON.stringify([logger, address, json])
      const known = names.indexOf(name)
      if (known >= 0) return known
      if (services.length >= maxServices) {
        throw new HostRefusal(`toHTTP(): a plugin has loggers for at most ${maxServices} services`)
      }
      services.push(new Service(readShippingOptions(spec.name, grants, address, json), spec, host))
      return names.push(name) - 1
    },
    ship: (call) => {
      const service = services[call.number(0)]
      const record = call.bytes(1)
      service?.add(record)
    },
  }
}

/** One service, and what waits to be sent there. A timer runs only while something waits. */
class Service {
  readonly #options: ShippingOptions
  readonly #spec: PluginSpec
  readonly #host: Pick<PluginHost, 'network' | 'tools'>
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #stopTimer: (() => void) | null = null
  #isSending = false
  #lost = 0
  #complainedAt = Number.NEGATIVE_INFINITY

  constructor(options: ShippingOptions, spec: PluginSpec, host: Pick<PluginHost, 'network' | 'tools'>) {
    this.#options = options
    this.#spec = spec
    this.#host = host
  }

  add(record: Uint8Array): void {
    if (this.#waitingBytes + record.length > maxWaiting) {
      this.#lose(1, 'it does not keep up')
      return
    }
    this.#waiting.push(record)
    this.#waitingBytes += record.length
    this.#schedule()
  }

  #schedule(): void {
    if (this.#waiting.length === 0 || this.#isSending) return
    const isFull = this.#waiting.length >= this.#options.size
    if (this.#stopTimer && !isFull) return
    this.#stopTimer?.()
    // Not from within the call of the guest that has written it.
    const ms = isFull ? 0 : this.#options.waitMs
    this.#stopTimer = this.#host.tools.clock.after(ms, () => {
      this.#stopTimer = null
      void this.#send()
    })
  }

  async #send(): Promise<void> {
    const { size, method, path, headers, target, separator } = this.#options
    const records = this.#waiting.splice(0, size)
    this.#isSending = true
    const joined = records.flatMap((record, at) => (at === 0 ? [record] : [separator, record]))
    const content = Buffer.concat([this.#options.prefix, ...joined, this.#options.postfix])
    try {
      const response = await this.#host.network.request(
        {
          version: '1.1',
          method,
          path,
          headers: headers.clone(),
          body: Body.of(content),
          upgrade: null,
          expectsContinue: false,
        },
        this.#context(),
        target,
        'logging',
        timeouts,
      )
      await response.body?.buffer(maxAnswer)
      if (response.status >= 300) this.#lose(records.length, `it answered ${response.status}`)
    } catch (thrown) {
      this.#lose(records.length, thrown instanceof Error ? thrown.message : String(thrown))
    }
    for (const record of records) this.#waitingBytes -= record.length
    this.#isSending = false
    this.#schedule()
  }

  #lose(count: number, reason: string): void {
    const { log, clock } = this.#host.tools
    const { host, port } = this.#options.target
    this.#lost += count
    if (clock.now() - this.#complainedAt < complaintMs) return
    this.#complainedAt = clock.now()
    const fields = { plugin: this.#spec.name, version: this.#spec.version }
    log.warn(`${this.#lost} records of a logger for ${host}:${port} are lost: ${reason}`, fields)
    this.#lost = 0
  }

  /** It belongs to no exchange. */
  #context(): Context {
    const { log, clock } = this.#host.tools
    return new Context({
      id: `logger-${this.#spec.name}`,
      peer: {
        id: 0,
        direction: 'outbound',
        remoteAddress: '',
        remotePort: 0,
        localAddress: '',
        localPort: 0,
        destinationAddress: '',
        destinationPort: 0,
        choices: new Map(),
      },
      vars: newVariables(null, false),
      log,
      startedAt: clock.now(),
    })
  }
}

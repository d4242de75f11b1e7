import { type HostCall, type HostFunction, HostRefusal } from '../../../quickjs/contract.ts'
import { milliseconds } from '../../runtime/arguments.ts'
import type { Quotas } from '../../runtime/quota.ts'

/** `algo.Quota`: the very quotas that filters use. */
export function quotaFunctions(quotas: Quotas): Record<string, HostFunction> {
  return {
    openQuota: (call) => {
      const [initial, max, produce] = [amount(call, 0, 'initial'), optional(call, 1), optional(call, 3)]
      const perMs = duration(call, 2)
      const key = call.isUndefined(4) ? null : call.string(4)
      return quotas.open({ initial, max, perMs, produce, key })
    },
    consumeQuota: (call) => {
      const wanted = amount(call, 1, 'what is consumed')
      return quotas.get(call.number(0))?.consume(wanted) ?? null
    },
    produceQuota: (call) => {
      const added = amount(call, 1, 'what is produced')
      const quota = quotas.get(call.number(0))
      quota?.change({ produce: added })
      return quota !== null
    },
    resetQuota: (call) => {
      const quota = quotas.get(call.number(0))
      quota?.change('reset')
      return quota !== null
    },
    currentQuota: (call) => quotas.get(call.number(0))?.current ?? null,
  }
}

function amount(call: HostCall, index: number, name: string): number {
  const value = call.number(index)
  if (value >= 0 && value < Number.POSITIVE_INFINITY) return value
  throw new HostRefusal(`algo.Quota: ${name} is a number that is not negative`)
}

function optional(call: HostCall, index: number): number | null {
  const value = call.number(index)
  return Number.isNaN(value) ? null : value
}

/** Seconds, or a text such as `5s`. */
function duration(call: HostCall, index: number): number | null {
  const seconds = call.number(index)
  let given: number | string = seconds
  if (Number.isNaN(seconds)) {
    try {
      given = call.string(index)
    } catch {
      return null
    }
  }
  const ms = milliseconds(given)
  if (ms === null) throw new HostRefusal('algo.Quota: per is a number of seconds, or a text such as "5s"')
  return ms
}

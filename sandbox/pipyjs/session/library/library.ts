import type { PluginSpec } from '../../../../chains/plugins.ts'
import type { PluginHost } from '../../../plugin/contract.ts'
import type { HostFunction } from '../../../quickjs/contract.ts'
import type { Quotas } from '../../runtime/quota.ts'
import { certificateFunctions } from './certificates.ts'
import { compressionFunctions } from './compression.ts'
import { Keys } from './keys.ts'
import { metricFunctions } from './metrics.ts'
import { quotaFunctions } from './quotas.ts'
import { shippingFunctions } from './shipping.ts'
import { streamFunctions } from './streams.ts'
import { tokenFunctions } from './tokens.ts'

/** The functions of the host for the globals of `guest/library`: one set for each guest. They hold nothing for an exchange. */
export function libraryFunctions(
  spec: PluginSpec,
  host: Pick<PluginHost, 'metrics' | 'model' | 'network' | 'tools'>,
  quotas: Quotas,
): Record<string, HostFunction> {
  const keys = new Keys()
  return {
    ...streamFunctions(keys),
    ...keys.functions,
    ...tokenFunctions(keys),
    ...certificateFunctions,
    ...compressionFunctions,
    ...quotaFunctions(quotas),
    ...metricFunctions(host.metrics),
    ...shippingFunctions(spec, host),
  }
}

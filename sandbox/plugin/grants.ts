import type { PluginGrants } from '../../chains/plugins.ts'
import type { NetworkTarget } from './network.ts'

/** Whether a plugin may connect there: `host:port`, either part `*`, IPv6 in brackets. Names are compared as they are written. */
export function mayConnect(grants: PluginGrants, { host, port }: NetworkTarget): boolean {
  return grants.connect.some((grant) => {
    const colon = grant.lastIndexOf(':')
    const [name, number] = colon < 0 ? [grant, '*'] : [grant.slice(0, colon), grant.slice(colon + 1)]
    const bare = name.startsWith('[') ? name.slice(1, -1) : name
    return (
      (bare === '*' || bare.toLowerCase() === host.toLowerCase()) &&
      (number === '*' || Number(number) === port)
    )
  })
}

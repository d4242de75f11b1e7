import { lookup as resolve } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { ModuleRefusal } from './contract.ts'

/** Where clouds and clusters answer with keys to whoever asks: no manifest may send us there. */
const refused = new BlockList()
refused.addSubnet('169.254.0.0', 16, 'ipv4')
refused.addAddress('100.100.100.200', 'ipv4')
refused.addSubnet('fe80::', 10, 'ipv6')
refused.addAddress('fd00:ec2::254', 'ipv6')

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

const isIn = (list: BlockList, address: string): boolean => {
  const version = isIP(address)
  return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '')

/** Whether a host of a URL is this machine, by its name. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || isIn(loopback, bare(host))
}

/** Throws a {@link ModuleRefusal} for a host that is a refused address as it stands. */
export function checkHost(host: string): void {
  if (isIn(refused, bare(host))) throw refusal(bare(host))
}

/** Resolves names as the system does, and fails for one that leads to a refused address: checked on what is then connected to. */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, [])
    const bad = found.find(({ address }) => isIn(refused, address))
    if (bad) return callback(refusal(bad.address), [])
    if (options.all) return callback(null, found)
    const [first] = found
    callback(null, first?.address ?? '', first?.family ?? 0)
  })
}

const refusal = (address: string): ModuleRefusal =>
  new ModuleRefusal(`leads to ${address}, a link-local or metadata address, where no module is fetched from`)

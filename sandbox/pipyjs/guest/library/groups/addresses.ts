import { defineGlobal } from '../../scope.ts'
import { IP, IPEndpoint } from '../ip.ts'
import { Netmask } from '../netmask.ts'

/** Makes classes for IP addresses. */
export function install(): void {
  defineGlobal('IP', { value: IP })
  defineGlobal('IPEndpoint', { value: IPEndpoint })
  defineGlobal('Netmask', { value: Netmask })
  defineGlobal('IPMask', { value: Netmask })
}

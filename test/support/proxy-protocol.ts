/** What a PROXY protocol header says. */
export interface Route {
  readonly from: readonly [address: string, port: number]
  readonly to: readonly [address: string, port: number]
}

/** A PROXY protocol header of version 1 for IPv4. */
export function proxyLine({ from, to }: Route): Buffer {
  return Buffer.from(`PROXY TCP4 ${from[0]} ${to[0]} ${from[1]} ${to[1]}\r\n`, 'latin1')
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

/** A PROXY protocol header of version 2 for IPv4, with an extension behind the addresses as load balancers add them. */
export function proxyHeader({ from, to }: Route): Buffer {
  const extension = Buffer.from([0x04, 0, 3, 0, 0, 0])
  const addresses = Buffer.concat([ipv4(from[0]), ipv4(to[0]), uint16(from[1]), uint16(to[1])])
  const length = uint16(addresses.length + extension.length)
  return Buffer.concat([signature, Buffer.from([0x21, 0x11]), length, addresses, extension])
}

const ipv4 = (address: string): Buffer => Buffer.from(address.split('.').map(Number))

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

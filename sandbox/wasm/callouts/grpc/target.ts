/** Where a gRPC call goes, by the names that a guest gives. */
export interface GrpcTarget {
  readonly upstream: string
  /** What the call says it is for; null leaves it to the endpoint. */
  readonly authority: string | null
}

/**
 * What the bytes of an upstream can mean, the likelier first: Envoy's `GrpcService` message with an
 * `envoy_grpc` in it, or just a name.
 */
export function targetsOf(bytes: Uint8Array): readonly GrpcTarget[] {
  const name = Buffer.from(bytes).toString('utf8')
  const plain = { upstream: name, authority: authorityOf(name) }
  const service = bytesField(bytes, 1)
  const cluster = service && bytesField(service, 1)
  if (!service || !cluster) return [plain]
  const upstream = cluster.toString('utf8')
  const authority = authorityOf(bytesField(service, 2)?.toString('utf8') || upstream)
  return [{ upstream, authority }, plain]
}

/** Envoy says the cluster's name; many of ours are none that HTTP/2 lets pass. */
function authorityOf(text: string): string | null {
  return /^[A-Za-z0-9._-]+(:\d{1,5})?$/.test(text) ? text : null
}

/** The last length-delimited field of that number in a protobuf message; null if there is none, or it is no message. */
function bytesField(message: Uint8Array, wanted: number): Buffer | null {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  let found: Buffer | null = null
  let at = 0
  while (at < bytes.length) {
    const tag = varint(bytes, at)
    if (!tag || tag.value < 8) return null
    at = tag.end
    const [field, wire] = [tag.value >>> 3, tag.value & 7]
    const number = wire === 0 || wire === 2 ? varint(bytes, at) : null
    if (wire === 0 && number) at = number.end
    else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else if (wire === 2 && number) {
      at = number.end + number.value
      if (field === wanted) found = bytes.subarray(number.end, at)
    } else return null
  }
  return at === bytes.length ? found : null
}

function varint(bytes: Buffer, start: number): { readonly value: number; readonly end: number } | null {
  let value = 0
  for (let at = start; at < bytes.length && at < start + 10; at++) {
    const byte = bytes[at] as number
    value += (byte & 0x7f) * 2 ** (7 * (at - start))
    if (byte < 0x80) return { value, end: at + 1 }
  }
  return null
}

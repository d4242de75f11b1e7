import { type HeaderKey, host } from './host.ts'

/** Numbers of header names, by whatever spelling scripts use. The host bounds how many there are. */
export const numbers: Record<string, number> = Object.create(null)

/** No header has a longer name. */
const maxLength = 256

/** What a header is called towards the host. */
export function headerKey(name: string): HeaderKey {
  const known = numbers[name]
  if (known !== undefined) return known
  if (name.length > maxLength) return name
  const made = host.headerName(name)
  if (made === 0) return name
  numbers[name] = made
  return made
}

import type { Json } from '../../chains/model.ts'

const redacted = '[redacted]'
const maxDepth = 64
const secretKey =
  /private[-_ ]?key|token|passw(or)?d|passphrase|secret|credential|authorization|api[-_ ]?key|^(set-)?cookie$/i
const pemKey = 'PRIVATE KEY-----'
const urlPassword = /(\/\/[^\s/:@]{0,256}:)[^\s/@]{1,1024}@/g

/**
 * A copy of `value` for strangers' eyes, as plain JSON data.
 *
 * What stands under a key that sounds like a secret is replaced, whatever it
 * is, and so are headers of such names in lists of `[name, value]` and of
 * `{name, value}` or `{Name, Value}`, PEM private keys anywhere, and passwords
 * in URLs. `null` and booleans stay, so that one sees whether something is set.
 */
export function redact(value: unknown): Json {
  return copy(value, 0)
}

function copy(value: unknown, depth: number): Json {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (value === null || value === undefined) return null
  if (typeof value !== 'object') return String(value)
  if (depth >= maxDepth) return '[too deep]'
  if (Array.isArray(value)) return copyArray(value, depth)
  const entries: [string, Json][] = []
  const isNamedSecret = namesSecret(value)
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue
    const isSecret = secretKey.test(key) || (isNamedSecret && !isNameKey(key))
    entries.push([key, isSecret ? hide(item) : copy(item, depth + 1)])
  }
  return Object.fromEntries(entries)
}

function copyArray(items: readonly unknown[], depth: number): Json {
  const [name, text] = items
  if (items.length === 2 && typeof name === 'string' && typeof text === 'string' && secretKey.test(name)) {
    return [name, redacted]
  }
  return items.map((item) => copy(item, depth + 1))
}

/** Whether an object is a pair such as `{name: 'authorization', value: …}`, or `{Name, Value}` as FSM writes it. */
function namesSecret(value: object): boolean {
  const keys = Object.keys(value)
  const isSecretName = ([key, text]: readonly [string, unknown]) =>
    isNameKey(key) && typeof text === 'string' && secretKey.test(text)
  return keys.some((key) => /^(value|regex)$/i.test(key)) && Object.entries(value).some(isSecretName)
}

const isNameKey = (key: string): boolean => /^(name|key)$/i.test(key)

const hide = (value: unknown): Json => (value === null || typeof value === 'boolean' ? value : redacted)

function redactText(text: string): string {
  if (text.includes(pemKey)) return redacted
  return text.includes('@') ? text.replace(urlPassword, `$1${redacted}@`) : text
}

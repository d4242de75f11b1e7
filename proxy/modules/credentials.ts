import { readFile, stat } from 'node:fs/promises'
import { ModuleRefusal } from './contract.ts'

/** What a registry is told of us. */
export type Credentials = { readonly user: string; readonly password: string } | { readonly bearer: string }

const maxBytes = 1024 * 1024

/**
 * The credentials for one registry out of a `config.json` of docker: `auth`, `username` with `password`, or
 * `registrytoken`. Null when it has none. Read anew each time, because such files are rotated. Rejects with a
 * {@link ModuleRefusal} that says nothing of what is in the file. Helper programs are not run.
 */
export async function readCredentials(file: string | null, registry: string): Promise<Credentials | null> {
  if (file === null) return null
  const refuse = (why: string): ModuleRefusal =>
    new ModuleRefusal(`needs the credentials file ${file}, which ${why}`)
  let text: string
  try {
    if ((await stat(file)).size > maxBytes) throw refuse(`is larger than ${maxBytes} bytes`)
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    if (thrown instanceof ModuleRefusal) throw thrown
    throw refuse('cannot be read')
  }
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    throw refuse('is no JSON')
  }
  const auths = fieldOf(content, 'auths')
  for (const key of [registry, `https://${registry}`, `https://${registry}/v1/`, `https://${registry}/v2/`]) {
    const found = credentialsIn(fieldOf(auths, key))
    if (found) return found
  }
  return null
}

function credentialsIn(entry: unknown): Credentials | null {
  const token = fieldOf(entry, 'registrytoken')
  if (typeof token === 'string' && token !== '') return { bearer: token }
  const auth = fieldOf(entry, 'auth')
  if (typeof auth === 'string' && auth !== '') {
    const pair = Buffer.from(auth, 'base64').toString()
    const colon = pair.indexOf(':')
    return colon < 0 ? null : { user: pair.slice(0, colon), password: pair.slice(colon + 1) }
  }
  const user = fieldOf(entry, 'username')
  const password = fieldOf(entry, 'password')
  return typeof user === 'string' && typeof password === 'string' ? { user, password } : null
}

/** A field of a value that may be anything. */
export function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined
}

import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { wat } from '../../../sandbox/metering/testing/wat.ts'
import { defaultModuleLimits, type ModuleRequest, type ModuleStoreOptions } from '../contract.ts'

/** A module that is a plugin of Proxy-Wasm and does nothing; `mark` makes it another file. */
export const module = (mark = ''): Uint8Array =>
  wat(`(module (memory (export "memory") 1) (data (i32.const 0) "${mark}")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 0)))`)

/** SHA-256 in hex. */
export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A tar in gzip, as layers are. */
export function tarGz(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const blocks = Object.entries(files).flatMap(([name, bytes]) => {
    const head = Buffer.alloc(512)
    head.write(name, 0)
    head.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124)
    head.write('0', 156)
    head.write('ustar\0', 257)
    return [head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1_024)]))
}

/** What a server was asked for, and the way to end it. */
export interface TestServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** `METHOD PATH` of each request, in order. */
  readonly asked: string[]
}

/** A server on loopback. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, host: string) => void,
): Promise<TestServer> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    answer(request, response, host)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A store that tries again soon, and keeps nothing on disk. */
export const storeOptions: ModuleStoreOptions = {
  cacheFolder: null,
  credentialsFile: null,
  plainRegistries: [],
  limits: { ...defaultModuleLimits, backoffMs: 1, tryMs: 5_000 },
}

/** A request for a module. */
export const wanted = (url: string, more: Partial<ModuleRequest> = {}): ModuleRequest => ({
  owner: 'plugin',
  url,
  sha256: null,
  pullPolicy: null,
  folder: '/',
  resource: '1',
  ...more,
})

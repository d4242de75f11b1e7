import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from './ask.ts'
import { Exposition } from './exposition.ts'
import { type RunningProgram, startProgram } from './program.ts'

/** A folder of its own for one test. Disposing of it removes it. */
export interface Folder extends AsyncDisposable {
  readonly path: string
  /** Writes a file whole, as one step for whoever reads it; tells its path. */
  write(name: string, content: string | Uint8Array): Promise<string>
}

/** Makes a {@link Folder}. */
export async function newFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'pillion-test-'))
  return {
    path,
    async write(name, content) {
      const file = join(path, name)
      await writeFile(`${file}.new`, content)
      await rename(`${file}.new`, file)
      return file
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** How a sidecar is started. */
export interface ProcessOptions {
  /** `sidecar.yaml` when not given. */
  readonly fileName?: string
  readonly args?: readonly string[]
  readonly env?: Record<string, string>
}

/** A sidecar as a process of its own, serving. Disposing of it kills it and removes its files. */
export interface SidecarProcess extends AsyncDisposable {
  readonly program: RunningProgram
  readonly folder: Folder
  /** The ports of its listeners, in the order of the config. */
  readonly inbound: readonly number[]
  readonly outbound: readonly number[]
  readonly admin: number
  /** Writes the config anew. */
  rewrite(config: string | Uint8Array): Promise<void>
  scrape(): Promise<Exposition>
  /** What an admin route answers, as JSON. */
  show(path: string): Promise<unknown>
  /** Ends it by SIGTERM; resolves with its exit code. */
  stop(): Promise<number | null>
}

/**
 * Starts `pillion run` with this config and waits until it serves. The admin
 * port is one of the kernel's choice and there is no metrics port, unless
 * `args` say otherwise.
 */
export async function runSidecar(
  config: string | Uint8Array,
  { fileName = 'sidecar.yaml', args = [], env = {} }: ProcessOptions = {},
): Promise<SidecarProcess> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await newFolder())
  const file = await folder.write(fileName, config)
  const ownPorts = [
    ...(args.includes('--admin') ? [] : ['--admin', '127.0.0.1:0']),
    ...(args.includes('--metrics') ? [] : ['--metrics', 'off']),
  ]
  const program = stack.use(startProgram(['run', '-c', file, ...ownPorts, ...args], env))
  const { port } = await program.logged(/^admin listens on /)
  const admin = Number(port)
  const portsOf = (direction: string) =>
    program
      .log()
      .filter(({ message }) => message.startsWith(`${direction} listens on `))
      .map((line) => Number(line.port))
  const owned = stack.move()
  return {
    program,
    folder,
    inbound: portsOf('inbound'),
    outbound: portsOf('outbound'),
    admin,
    rewrite: async (next) => void (await folder.write(fileName, next)),
    scrape: async () => new Exposition((await ask(admin, '/stats/prometheus')).text),
    show: async (path) => JSON.parse((await ask(admin, path)).text) as unknown,
    async stop() {
      program.child.kill('SIGTERM')
      return (await program.exited).code
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The first port of a list that is known to have one. */
export function first(ports: readonly number[]): number {
  const [port] = ports
  if (port === undefined) throw new Error('the sidecar listens on no such port')
  return port
}

/** What the tests of plugins are built from, beside `chains/policy/testing.ts`. */

import type { Body } from '../../../chains/body.ts'
import type { ProxyError } from '../../../chains/failures.ts'
import type { HttpFilter, TcpFilter } from '../../../chains/filter.ts'
import type { ChainName } from '../../../chains/model.ts'
import { defaultPluginPolicy, type PluginPolicy, type PluginSpec } from '../../../chains/plugins.ts'
import { type RecordingTools, recordingTools } from '../../../chains/policy/testing.ts'
import type { ByteStream } from '../../../chains/stream.ts'
import {
  PluginError,
  type PluginErrorKind,
  PluginFault,
  pluginFailure,
  type SandboxedPlugin,
} from '../contract.ts'
import { PluginHealth } from '../health.ts'
import { Pipe } from '../lending/pipe.ts'
import type { LoadedVersion } from '../policy.ts'

/** A plugin of that name with the usual policy, changed by `policy` and `parts`. */
export function testSpec(
  name: string,
  policy: Partial<PluginPolicy> = {},
  parts: Partial<PluginSpec> = {},
): PluginSpec {
  return {
    name,
    version: '1',
    language: 'javascript',
    source: '',
    origin: `${name}.js`,
    lineOffset: 0,
    columnOffset: 0,
    sourceMap: null,
    priority: 115,
    policy: { ...defaultPluginPolicy, ...policy },
    previous: null,
    ...parts,
  }
}

/** What an exchange in that plugin fails with. */
export function failureOf(spec: PluginSpec, kind: PluginErrorKind = 'exception'): ProxyError {
  return pluginFailure(new PluginError(spec, kind, null, 'it failed on purpose'))
}

/** What a plugin of a test does, in this process and without a wall. */
export interface Behaviour {
  readonly http?: HttpFilter
  readonly tcp?: TcpFilter
}

/** A loaded version that behaves so; null could not be loaded. */
export function loaded(
  spec: PluginSpec,
  behaviour: Behaviour | null,
  tools: RecordingTools = recordingTools(),
  chains: readonly ChainName[] = ['inbound-http'],
): LoadedVersion {
  const counts = { calls: 0, errors: 0, restarts: 0 }
  const health = new PluginHealth({
    spec,
    chains,
    counts,
    meter: tools.meter,
    clock: tools.clock,
    log: tools.log,
  })
  const fault = behaviour ? null : new PluginFault(spec, null, 'it is faulty on purpose')
  return { spec, health, plugin: behaviour && inProcess(behaviour), fault }
}

/** A plugin that is a few filters of the test. */
export function inProcess({ http, tcp }: Behaviour): SandboxedPlugin {
  return {
    http: () => http ?? null,
    tcp: () => tcp ?? null,
    usage: () => ({ heapBytes: 1_000, exchanges: 0 }),
    [Symbol.dispose]() {},
  }
}

/** A body that gives these pieces, one at each turn of the event loop, and then ends or fails. */
export function slowBody(pieces: readonly string[], ending: ProxyError | null = null): Body {
  const pipe = new Pipe()
  void (async () => {
    for (const piece of pieces) {
      await nextTurn()
      pipe.write(Buffer.from(piece))
    }
    await nextTurn()
    if (ending) pipe.fail(ending)
    else pipe.end(null)
  })()
  return pipe.body
}

/** Resolves after everything that is due has been done. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** All bytes of a body as text; a failure as its code, behind what came before. */
export async function textOf(body: Body | null | undefined): Promise<string> {
  let text = ''
  await body
    ?.pipeTo({
      write: (bytes) => {
        text += Buffer.from(bytes).toString()
        return true
      },
      end: () => {},
    })
    .catch((error: ProxyError) => {
      text += `!${error.code}`
    })
  return text
}

/** Two ends of a connection. */
export function streamPair(): readonly [ByteStream, ByteStream] {
  const [there, back] = [new Pipe(), new Pipe()]
  const end = (out: Pipe, into: Pipe): ByteStream => ({
    readable: into.body,
    writable: out,
    destroy: (error) => {
      if (error) out.fail(error)
      else out.end(null)
    },
  })
  return [end(there, back), end(back, there)]
}

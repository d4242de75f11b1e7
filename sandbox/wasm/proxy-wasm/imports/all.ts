import { status } from '../../contract.ts'
import type { CompilerFunction, ProxyFunction, WasiFunction } from '../../module/host-functions.ts'
import { type Wasi, wasiModules } from '../../wasi.ts'
import type { Access, Caller, HostFunction } from '../caller.ts'
import { bufferFunctions } from './buffers.ts'
import { callOutFunctions } from './call-outs.ts'
import { foreignFunctions } from './foreign.ts'
import { generalFunctions } from './general.ts'
import { mapFunctions } from './maps.ts'
import { metricFunctions } from './metrics.ts'
import { propertyFunctions } from './properties.ts'
import { sharedFunctions } from './shared.ts'
import { streamFunctions } from './streams.ts'

/** Puts the guard of a guest around a function: when it may be called, what it costs, and that a fault in it ends the guest. */
export type Guard = (name: string, access: Access, run: HostFunction) => HostFunction

/** Everything a guest of any version of the ABI can import. What its operator does not allow only answers that. */
export function hostImports(caller: Caller, wasi: Wasi, guard: Guard): WebAssembly.Imports {
  const bind = (functions: Readonly<Record<string, HostFunction>>, access: Accesses, refused: number) =>
    Object.fromEntries(
      Object.entries(functions).map(([name, run]) => {
        const allowed = caller.settings.capabilities?.includes(name) ?? true
        return [name, guard(name, access(name), allowed ? run : refusing(caller, name, refused))]
      }),
    )
  const system = bind(wasi.functions, wasiAccess, notCapable)
  return {
    env: {
      ...bind(proxyFunctionsFor(caller), proxyAccess, status.internalFailure),
      ...compilerFunctions,
    },
    ...Object.fromEntries(wasiModules.map((module) => [module, system])),
  }
}

/** What WASI answers when a function is not allowed. */
const notCapable = 76

type Accesses = (name: string) => Access

const everywhere: ReadonlySet<string> = new Set<ProxyFunction | WasiFunction>([
  'proxy_log',
  'fd_write',
  'clock_time_get',
  'poll_oneoff',
])

const wasiAccess: Accesses = (name) => (everywhere.has(name) ? 'always' : 'outside-allocator')

const proxyAccess: Accesses = (name) => {
  if (everywhere.has(name)) return 'always'
  return name === 'proxy_get_log_level' ? 'outside-allocator' : 'started'
}

const compilerFunctions: Readonly<Record<CompilerFunction, HostFunction>> = {
  pthread_equal: (one: number, other: number): number => (one === other ? 1 : 0),
  emscripten_notify_memory_growth: (): number => 0,
}

function proxyFunctionsFor(caller: Caller): Record<ProxyFunction, HostFunction> {
  return {
    ...generalFunctions(caller),
    ...mapFunctions(caller),
    ...bufferFunctions(caller),
    ...streamFunctions(caller),
    ...propertyFunctions(caller),
    ...sharedFunctions(caller),
    ...metricFunctions(caller),
    ...callOutFunctions(caller),
    ...foreignFunctions(caller),
  }
}

function refusing(caller: Caller, name: string, refused: number): HostFunction {
  return () => {
    caller.log.write(caller.spec, 4, Buffer.from(`${name} is not among the capabilities of this plugin`))
    return refused
  }
}

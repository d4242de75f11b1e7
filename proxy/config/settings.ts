import type { Model, OriginalDestination } from '../../chains/model.ts'
import type { WasmModules } from '../modules/wasm-modules.ts'
import type { Fault } from './fault.ts'

/** An address to listen on. IPv6 hosts have no brackets. */
export interface Address {
  readonly host: string
  /** 0 lets the kernel choose. */
  readonly port: number
}

/** From the most to the least talkative. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
/** What is logged: this and all worse. */
export type LogLevel = (typeof logLevels)[number]

/** The ways to learn a destination that are built in; `redirect` is not yet. */
export const builtOriginalDestinations = [
  'listener',
  'header',
  'proxy-protocol',
] as const satisfies readonly OriginalDestination[]

/** What concerns the process rather than the traffic. */
export interface ProcessSettings {
  /** Null for no admin port. */
  readonly admin: Address | null
  /** Null for no metrics port. */
  readonly metrics: Address | null
  readonly workers: number
  readonly logLevel: LogLevel
  /** The bearer token that changes need off loopback, or null for none. */
  readonly adminToken: string | null
}

/** The command line's words as they came; each wins over the file. */
export interface ConfigFlags {
  readonly inbound?: readonly string[]
  readonly outbound?: readonly string[]
  readonly originalDestination?: string
  readonly originalDestinationFrom?: readonly string[]
  /** `app=curl,version=v1` */
  readonly labels?: string
  /** A file as Kubernetes' downward API writes it, with labels beside those of `labels`. */
  readonly labelsFile?: string
  readonly namespaceLabels?: string
  /** Files and folders of manifests and scripts. */
  readonly manifests?: readonly string[]
  readonly namespace?: string
  readonly serviceAccount?: string
  readonly admin?: string
  readonly metrics?: string
  readonly workers?: string
  readonly logLevel?: string
  readonly accessLog?: string
  /** A folder that keeps WebAssembly modules. */
  readonly moduleCache?: string
  /** A `config.json` of docker. */
  readonly registryCredentials?: string
  /** Registries that are spoken to without TLS. */
  readonly plainRegistries?: readonly string[]
}

/** A config that was accepted. */
export interface Settings {
  readonly model: Model
  readonly process: ProcessSettings
  readonly warnings: readonly Fault[]
  /** Plugins that could not be compiled. They are in the model; whoever runs it decides what becomes of them. */
  readonly faultyPlugins: readonly UncompiledPlugin[]
  /** Whether one of them is without a module, which may be had later without a change of the config. */
  readonly isModuleMissing: boolean
  /** Files and folders whose change means a new config: the config itself, manifests, scripts and secrets. */
  readonly files: readonly string[]
}

/** One version of a plugin that could not be compiled, with all that is wrong with it. */
export interface UncompiledPlugin {
  readonly name: string
  readonly version: string
  readonly faults: readonly Fault[]
}

/** Everything that a config is made of. */
export interface LoadOptions {
  /** Null for a config that consists of flags alone. */
  readonly configFile: string | null
  readonly flags: ConfigFlags
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where WebAssembly modules come from; kept from one load to the next. One of its own when missing. */
  readonly modules?: WasmModules
}

/** A config, or everything that is wrong with it. */
export type LoadResult =
  | { readonly ok: true; readonly settings: Settings }
  | {
      readonly ok: false
      readonly faults: readonly Fault[]
      readonly warnings: readonly Fault[]
      /** As {@link Settings.files}, as far as they are known: a change of one may make it good. */
      readonly files: readonly string[]
    }

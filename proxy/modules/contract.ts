/** When to ask again for a module that is there already (Istio's `imagePullPolicy`). */
export const pullPolicies = ['IfNotPresent', 'Always'] as const
/** One of {@link pullPolicies}. */
export type PullPolicy = (typeof pullPolicies)[number]

/** A module that somebody wants. */
export interface ModuleRequest {
  /** The plugin that wants it. */
  readonly owner: string
  /** `file:`, `http:`, `https:` or `oci:`; without a scheme it is `oci:`. */
  readonly url: string
  /** Lower-case hex: of the file, and of the manifest of an image; null when nobody says. */
  readonly sha256: string | null
  /** Null: `Always` for an image with the tag `latest` or none, else `IfNotPresent`. */
  readonly pullPolicy: PullPolicy | null
  /** What paths of `file:` are relative to. */
  readonly folder: string
  /** Changes with the resource that asks: only then `Always` asks the server again. */
  readonly resource: string
}

/** A WebAssembly file. */
export interface ModuleFile {
  readonly bytes: Uint8Array
  /** SHA-256 of `bytes`, in hex. */
  readonly digest: string
}

/** Why a module could not be had. One line, without secrets: of URLs it has neither user nor query. */
export class ModuleRefusal extends Error {
  override readonly name = 'ModuleRefusal'
}

/** How a store reaches what it is asked for. */
export interface ModuleStoreOptions {
  /** Where modules are kept; null keeps them in memory. */
  readonly cacheFolder: string | null
  /** A `config.json` as docker writes it, or null. */
  readonly credentialsFile: string | null
  /** Registries (`host` or `host:port`) that are spoken to without TLS; those on loopback are anyway. */
  readonly plainRegistries: readonly string[]
  readonly limits: ModuleLimits
}

/** Bounds of what is fetched and kept. */
export interface ModuleLimits {
  /** Of one module, packed or not. */
  readonly maxBytes: number
  /** Of all that are kept. */
  readonly maxCacheBytes: number
  readonly tries: number
  readonly tryMs: number
  readonly backoffMs: number
}

/** What holds when nobody says otherwise. */
export const defaultModuleLimits: ModuleLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxCacheBytes: 1024 * 1024 * 1024,
  tries: 5,
  tryMs: 15_000,
  backoffMs: 500,
}

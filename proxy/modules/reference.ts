import { isLoopback } from './addresses.ts'
import { ModuleRefusal } from './contract.ts'

/** The name of an image in a registry. */
export interface ImageReference {
  /** `host` or `host:port`, as it is connected to. */
  readonly registry: string
  /** As it stands in files of credentials. */
  readonly credentialsKey: string
  readonly repository: string
  /** Null when a digest says it, or nobody does; that is `latest` then. */
  readonly tag: string | null
  /** Hex; null when there is none. */
  readonly digest: string | null
}

const form =
  /^(?<registry>[a-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9a-f:.]+\](?::[0-9]{1,5})?)\/(?<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@sha256:(?<digest>[0-9a-f]{64}))?$/
const dockerHub = 'docker.io'

/** Understands `HOST/REPOSITORY[:TAG][@sha256:DIGEST]`. A name without a host is of Docker Hub. Throws a {@link ModuleRefusal}. */
export function parseImage(text: string): ImageReference {
  const [first = ''] = text.split('/')
  const hasHost = text.includes('/') && (/[.:[]/.test(first) || first === 'localhost')
  const whole = hasHost ? text : `${dockerHub}/${text.includes('/') ? text : `library/${text}`}`
  const { registry, repository, tag, digest } = form.exec(whole)?.groups ?? {}
  if (registry === undefined || repository === undefined)
    throw new ModuleRefusal(
      'is no image: expected oci://HOST/REPOSITORY:TAG, or @sha256:… in place of the tag',
    )
  const isHub = registry === dockerHub || registry === 'index.docker.io'
  return {
    registry: isHub ? 'registry-1.docker.io' : registry,
    credentialsKey: isHub ? 'https://index.docker.io/v1/' : registry,
    repository,
    tag: tag ?? null,
    digest: digest ?? null,
  }
}

/** Whether a registry is spoken to without TLS: one on loopback, or one that somebody said it of. */
export function isPlainRegistry(registry: string, plain: readonly string[]): boolean {
  const host = registry.replace(/:[0-9]+$/, '')
  return isLoopback(host) || plain.includes(registry) || plain.includes(host)
}

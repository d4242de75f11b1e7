import type { Identity } from '../../chains/model.ts'
import type { FlagSettings } from './flags.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What a config file says of the sidecar; null where it says nothing. */
export interface GivenIdentity {
  readonly namespace: string | null
  readonly serviceAccount: string | null
  readonly podName: string | null
  readonly workloadKind: string | null
  readonly labels: Readonly<Record<string, string>> | null
  /** `account.namespace`, where the config has it as one. */
  readonly serviceIdentity: string | null
}

/** Who this sidecar is: flags before the file, the file before the environment that FSM sets for its pods. */
export function identityOf(given: GivenIdentity, flags: FlagSettings, env: Environment): Identity {
  const [accountOfIdentity, namespaceOfIdentity] = splitIdentity(given.serviceIdentity)
  const namespace = flags.namespace ?? given.namespace ?? env.POD_NAMESPACE ?? namespaceOfIdentity
  const serviceAccount =
    flags.serviceAccount ?? given.serviceAccount ?? env.SERVICE_ACCOUNT ?? accountOfIdentity
  const isWhole = serviceAccount !== '' && namespace !== ''
  return {
    namespace,
    serviceAccount,
    podName: given.podName ?? env.POD_NAME ?? '',
    workloadKind: given.workloadKind ?? env.POD_CONTROLLER_KIND ?? '',
    labels: flags.labels ?? given.labels ?? {},
    serviceIdentity: given.serviceIdentity ?? (isWhole ? `${serviceAccount}.${namespace}` : ''),
  }
}

/** `account.namespace` in two; an account may hold dots, a namespace may not. */
function splitIdentity(identity: string | null): readonly [account: string, namespace: string] {
  const dot = identity?.lastIndexOf('.') ?? -1
  return identity === null || dot < 0 ? ['', ''] : [identity.slice(0, dot), identity.slice(dot + 1)]
}

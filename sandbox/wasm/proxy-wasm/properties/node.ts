import type { Model } from '../../../../chains/model.ts'
import { textBytes } from './encode.ts'

/** What is true of the proxy as a whole: `node.id`, `node.cluster`, `node.metadata.…` as Istio names them. */
export function nodeProperty(model: Model, path: readonly string[]): Uint8Array | null {
  const { identity } = model
  const [first, ...rest] = path[0] === 'xds' ? path.slice(1) : path
  if (first !== 'node') return null
  const { podName, namespace, serviceAccount, workloadKind, labels } = identity
  const [field, name, label] = rest
  if (rest.length === 1 && field === 'id') return filled(podName && namespace && `${podName}.${namespace}`)
  if (rest.length === 1 && field === 'cluster')
    return filled(serviceAccount && `${serviceAccount}.${namespace}`)
  if (field !== 'metadata') return null
  if (name === 'LABELS' && rest.length === 3)
    return filled(Object.hasOwn(labels, label ?? '') ? labels[label ?? ''] : '')
  if (rest.length !== 2) return null
  const metadata: Readonly<Record<string, string>> = {
    NAME: podName,
    NAMESPACE: namespace,
    SERVICE_ACCOUNT: serviceAccount,
    OWNER_KIND: workloadKind,
  }
  return filled(Object.hasOwn(metadata, name ?? '') ? metadata[name ?? ''] : '')
}

/** What nobody said is not there. */
const filled = (text: string | undefined): Uint8Array | null => (text ? textBytes(text) : null)

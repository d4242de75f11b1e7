import type { Direction } from '../chains/model.ts'
import type { Generation } from './generation.ts'

/** One endpoint as `/clusters` shows it. */
export interface EndpointStatus {
  readonly direction: Direction
  readonly cluster: string
  readonly endpoint: string
  readonly weight: number
  readonly connectionsOpen: number
  readonly connectionsIdle: number
  readonly requestsPending: number
}

/** The endpoints of a generation, with the state of their pools in this worker. */
export function listEndpoints({ model, upstream }: Generation): readonly EndpointStatus[] {
  return (['inbound', 'outbound'] as const).flatMap((direction) =>
    Object.values(model[direction].clusters).flatMap((cluster) =>
      cluster.endpoints.map((endpoint) => {
        const pool = upstream.poolOf(endpoint)
        return {
          direction,
          cluster: cluster.name,
          endpoint: endpoint.address,
          weight: endpoint.weight,
          connectionsOpen: pool?.open ?? 0,
          connectionsIdle: pool?.idle ?? 0,
          requestsPending: pool?.pending ?? 0,
        }
      }),
    ),
  )
}

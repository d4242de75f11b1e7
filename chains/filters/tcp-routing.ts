import type { TcpFilter } from '../filter.ts'
import type { Direction, Model } from '../model.ts'
import { Split } from '../routing/split.ts'
import type { Tools } from '../tools.ts'

/** Chooses the cluster of a connection by weight, for as long as the connection lasts (FSM's `*-tcp-routing`). */
export function tcpRouting(direction: Direction, tools: Tools, model: Model): TcpFilter {
  const { ports, clusters } = model[direction]
  const byName = new Map(Object.entries(clusters))
  const splits = new Map<string, Split>()
  for (const port of ports) {
    if (!port.tcp) continue
    const name = `${direction} ${port.name}`
    const cursor = tools.shared.get(`split ${name}`, () => ({ at: Math.floor(tools.random() * 2 ** 20) }))
    splits.set(port.name, new Split(port.tcp.targets, byName, `cluster of ${name}`, cursor))
  }
  return (stream, cx, next) => {
    const { vars } = cx
    if (vars.port) vars.cluster = splits.get(vars.port.name)?.pick(cx) ?? null
    return next(stream, cx)
  }
}

import type { Context } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { HttpFilter, TcpFilter } from '../../chains/filter.ts'
import type { HeaderList } from '../../chains/headers.ts'
import type { ChainName } from '../../chains/model.ts'
import type { ErrorPolicy, PluginSpec } from '../../chains/plugins.ts'
import { canaryTest } from './canary.ts'
import type { PluginFault, SandboxedPlugin } from './contract.ts'
import { closingHttp, type Rescue, rescuingHttp } from './enforce-http.ts'
import { closingTcp, rescuingTcp } from './enforce-tcp.ts'
import type { PluginHealth } from './health.ts'
import { Shadows } from './shadow.ts'
import { shadowHttp } from './shadow-http.ts'
import { shadowTcp } from './shadow-tcp.ts'

/** One version of a plugin as it is in one worker. */
export interface LoadedVersion {
  readonly spec: PluginSpec
  readonly health: PluginHealth
  /** Null when it could not be loaded, and a stand-in acts by `onError` in its place; or when it is off. */
  readonly plugin: SandboxedPlugin | null
  /** Why it could not be loaded; null when it was, or is off. */
  readonly fault: PluginFault | null
}

/** A plugin and, where its policy needs it, the version before. */
export interface LoadedPlugin {
  readonly newest: LoadedVersion
  readonly previous: LoadedVersion | null
}

/** What differs between the two kinds of chains. */
interface Family<F> {
  filterOf(plugin: SandboxedPlugin, chain: ChainName): F | null
  closing(spec: PluginSpec, filter: F, health: PluginHealth): F
  rescuing(spec: PluginSpec, filter: F, health: PluginHealth, rescue: Rescue<F>): F
  shadow(filter: F, absent: F, shadows: Shadows): F
  /** Gives an exchange to one of two filters. */
  split(isChosen: (cx: Context, headers: HeaderList | null) => boolean, chosen: F, other: F): F
  /** Stands in for a version that could not be loaded. */
  standIn(version: LoadedVersion, rescue: Rescue<F> | null): F
  readonly pass: F
}

/** The policies of a plugin around its filter for an HTTP chain; null when it has nothing to do there. */
export function httpPolicy(
  plugin: LoadedPlugin,
  chain: ChainName,
  builtIn: HttpFilter | null,
): HttpFilter | null {
  return policy(http, plugin, chain, builtIn)
}

/** The policies of a plugin around its filter for a TCP chain; null when it has nothing to do there. */
export function tcpPolicy(
  plugin: LoadedPlugin,
  chain: ChainName,
  builtIn: TcpFilter | null,
): TcpFilter | null {
  return policy(tcp, plugin, chain, builtIn)
}

function policy<F>(
  family: Family<F>,
  { newest, previous }: LoadedPlugin,
  chain: ChainName,
  builtIn: F | null,
): F | null {
  const { spec } = newest
  const { mode, canary } = spec.policy
  const absent = builtIn ?? family.pass
  if (mode === 'off') return absent
  const before = previous && enforced(family, previous, chain, absent, null)
  const chosen =
    mode === 'shadow'
      ? shadowed(family, newest, chain, absent)
      : enforced(family, newest, chain, absent, before)
  if (!chosen && !before) return builtIn
  if (!canary) return chosen ?? absent
  return family.split(canaryTest(canary, spec.name), chosen ?? absent, before ?? absent)
}

/** A version that works on copies; null when it has nothing to do in this chain. */
function shadowed<F>(
  family: Family<F>,
  { spec, health, plugin }: LoadedVersion,
  chain: ChainName,
  absent: F,
): F | null {
  if (!plugin) return absent
  const filter = family.filterOf(plugin, chain)
  return filter && family.shadow(filter, absent, new Shadows(spec, health))
}

/** A version with its `onError`; null when it has nothing to do in this chain. */
function enforced<F>(
  family: Family<F>,
  version: LoadedVersion,
  chain: ChainName,
  absent: F,
  previous: F | null,
): F | null {
  const { spec, health, plugin } = version
  const filter = plugin ? family.filterOf(plugin, chain) : null
  const rescue = rescueOf(spec.policy.onError, absent, previous)
  if (filter) {
    return rescue ? family.rescuing(spec, filter, health, rescue) : family.closing(spec, filter, health)
  }
  if (plugin) return null
  return family.standIn(version, rescue)
}

function rescueOf<F>(onError: ErrorPolicy, absent: F, previous: F | null): Rescue<F> | null {
  if (onError === 'open') return { filter: absent, outcome: 'open' }
  return onError === 'previous' && previous ? { filter: previous, outcome: 'previous' } : null
}

/** What is done in the place of a version that could not be loaded; counted for each exchange. */
function standInFor<F>({ spec, health }: LoadedVersion, rescue: Rescue<F> | null, cx: Context): F {
  health.notLoaded(cx, rescue?.outcome ?? 'closed')
  if (rescue) return rescue.filter
  throw new ProxyError('PLUGIN_THREW', `plugin ${spec.name} (${spec.version}) could not be loaded`)
}

const http: Family<HttpFilter> = {
  filterOf: (plugin, chain) => plugin.http(chain),
  closing: closingHttp,
  rescuing: rescuingHttp,
  shadow: shadowHttp,
  split: (isChosen, chosen, other) => (request, cx, next) =>
    (isChosen(cx, request.headers) ? chosen : other)(request, cx, next),
  standIn: (version, rescue) => async (request, cx, next) =>
    standInFor(version, rescue, cx)(request, cx, next),
  pass: (request, cx, next) => next(request, cx),
}

const tcp: Family<TcpFilter> = {
  filterOf: (plugin, chain) => plugin.tcp(chain),
  closing: closingTcp,
  rescuing: rescuingTcp,
  shadow: shadowTcp,
  split: (isChosen, chosen, other) => (stream, cx, next) =>
    (isChosen(cx, null) ? chosen : other)(stream, cx, next),
  standIn: (version, rescue) => async (stream, cx, next) => standInFor(version, rescue, cx)(stream, cx, next),
  pass: (stream, cx, next) => next(stream, cx),
}

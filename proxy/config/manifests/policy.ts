import {
  type Canary,
  defaultPluginPolicy,
  type ErrorPolicy,
  errorPolicies,
  type PluginMode,
  type PluginPolicy,
  pluginModes,
} from '../../../chains/plugins.ts'
import { pluginBounds } from '../defaults.ts'
import {
  boolean,
  choice,
  either,
  integer,
  json,
  list,
  number,
  object,
  optional,
  type Read,
  required,
  type Shape,
  text,
} from '../shape/shape.ts'
import { headerName, headerValue } from '../shape/texts.ts'
import type { Reporter } from './report.ts'
import { connectTarget, variableName } from './texts.ts'

const bounded = ({ min, max }: { readonly min: number; readonly max: number }): Shape<number> =>
  integer(min, max)

const usual = defaultPluginPolicy.limits

/** How a plugin is run; in manifests `spec.policy`, in our YAML `plugins[].policy`. */
export const policyShape = object('pluginPolicy', {
  onError: optional(
    choice(errorPolicies),
    'What becomes of an exchange when the plugin fails in it: close (answer 503), open (go on without it), previous (its last version takes over).',
  ),
  mode: optional(
    choice(pluginModes),
    'enforce; shadow, where it runs on a copy and what it would have done is counted; or off.',
  ),
  canary: optional(
    either(
      number(0, 100),
      object('pluginCanary', {
        percent: optional(number(0, 100), 'Share of the exchanges that get this version.'),
        header: optional(
          object('canaryHeader', {
            name: required(text(headerName), 'Header of the request.'),
            value: required(text(headerValue), 'The value that it must have.'),
          }),
          'Requests that get this version.',
        ),
      }),
    ),
    'Who gets this version: a share in percent, or those that pass either test. The others keep the version before. Everyone when missing.',
  ),
  limits: optional(
    object('pluginLimits', {
      callMs: optional(
        bounded(pluginBounds.callMs),
        `Milliseconds for one call into it; ${usual.callMs} when missing.`,
      ),
      memoryMiB: optional(
        bounded(pluginBounds.memoryMiB),
        `Memory in each worker; ${usual.memoryMiB} when missing.`,
      ),
      bufferKiB: optional(
        bounded(pluginBounds.bufferKiB),
        `Bodies that are held for it, for each exchange; ${usual.bufferKiB} when missing.`,
      ),
      pauseMs: optional(
        bounded(pluginBounds.pauseMs),
        `Milliseconds that an exchange may wait for it; ${usual.pauseMs} when missing.`,
      ),
    }),
    'What it may use up.',
  ),
  grants: optional(
    object('pluginGrants', {
      connect: optional(
        list(text(connectTarget)),
        'Where it may connect to, as host:port; * stands for any. What its configuration names when missing, nowhere when empty.',
      ),
      env: optional(list(text(variableName)), 'Environment variables that it may read.'),
      shared: optional(
        boolean,
        'Whether it may use a map of its own (`kv`) that all workers share, and that outlives pushes.',
      ),
      config: optional(
        boolean,
        'Whether a PipyJS script sees all of the config: its secrets, and what other plugins are configured with.',
      ),
    }),
    'What it may reach beyond its exchange.',
  ),
  errorBudget: optional(json, 'When this version is rolled back by itself. Not there yet: it has no effect.'),
})

/** What one place says of how a plugin is run; null where it says nothing. */
export interface PolicyParts {
  readonly onError: ErrorPolicy | null
  readonly mode: PluginMode | null
  readonly percent: number | null
  readonly header: Canary['header']
  readonly callMs: number | null
  readonly memoryMiB: number | null
  readonly bufferKiB: number | null
  readonly pauseMs: number | null
  readonly connect: readonly string[] | null
  readonly env: readonly string[] | null
  readonly shared: boolean | null
  readonly config: boolean | null
}

/** Says nothing. */
export const noPolicy: PolicyParts = {
  onError: null,
  mode: null,
  percent: null,
  header: null,
  callMs: null,
  memoryMiB: null,
  bufferKiB: null,
  pauseMs: null,
  connect: null,
  env: null,
  shared: null,
  config: null,
}

/** What a policy that was read says. */
export function policyParts(spec: Read<typeof policyShape> | null, report: Reporter): PolicyParts {
  if (!spec) return noPolicy
  if (spec.errorBudget !== null) report.warn(report.pathOf(spec, 'errorBudget'), notYetBudget, 'key')
  const { onError, mode, limits, grants } = spec
  const canary = typeof spec.canary === 'number' ? { percent: spec.canary, header: null } : spec.canary
  return {
    onError,
    mode,
    percent: canary?.percent ?? null,
    header: canary?.header ?? null,
    callMs: limits?.callMs ?? null,
    memoryMiB: limits?.memoryMiB ?? null,
    bufferKiB: limits?.bufferKiB ?? null,
    pauseMs: limits?.pauseMs ?? null,
    connect: grants?.connect ?? null,
    env: grants?.env ?? null,
    shared: grants?.shared ?? null,
    config: grants?.config ?? null,
  }
}

/** Error budgets are known, and not there yet. */
export const notYetBudget = 'error budgets are not there yet: this has no effect'

/** Lays one part over another: what `upper` says stands. */
export function overlay(upper: PolicyParts, lower: PolicyParts): PolicyParts {
  const pick = <K extends keyof PolicyParts>(key: K): readonly [K, PolicyParts[K]] => [
    key,
    upper[key] ?? lower[key],
  ]
  const keys = Object.keys(noPolicy) as (keyof PolicyParts)[]
  return Object.fromEntries(keys.map(pick)) as unknown as PolicyParts
}

/** What two places both say. */
export function saidTwice(one: PolicyParts, other: PolicyParts): readonly string[] {
  const keys = Object.keys(noPolicy) as (keyof PolicyParts)[]
  return keys.filter((key) => one[key] !== null && other[key] !== null)
}

/** Whether it is for some exchanges only. */
export const isCanary = ({ percent, header }: PolicyParts): boolean => percent !== null || header !== null

/** The whole policy. */
export function policyOf(parts: PolicyParts): PluginPolicy {
  const { onError, mode, limits, grants } = defaultPluginPolicy
  return {
    onError: parts.onError ?? onError,
    mode: parts.mode ?? mode,
    canary: isCanary(parts) ? { percent: parts.percent, header: parts.header } : null,
    limits: {
      callMs: parts.callMs ?? limits.callMs,
      memoryMiB: parts.memoryMiB ?? limits.memoryMiB,
      bufferKiB: parts.bufferKiB ?? limits.bufferKiB,
      pauseMs: parts.pauseMs ?? limits.pauseMs,
    },
    grants: {
      connect: parts.connect ?? grants.connect,
      env: parts.env ?? grants.env,
      shared: parts.shared ?? grants.shared,
      config: parts.config ?? grants.config,
    },
  }
}

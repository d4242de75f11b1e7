import { createHash, type Hash } from 'node:crypto'
import type { Body } from '../../chains/body.ts'
import { Context, type Outcome } from '../../chains/context.ts'
import { ProxyError } from '../../chains/failures.ts'
import type { PluginSpec } from '../../chains/plugins.ts'
import { statusClass } from '../../chains/policy/statuses.ts'
import { PluginError, pluginFailure } from './contract.ts'
import type { PluginHealth } from './health.ts'
import { type Tee, tee } from './lending/tee.ts'

/** What a plugin in shadow mode would have done with an exchange. */
export type Verdict =
  | { readonly kind: 'passed' | 'changed' }
  /** `status` is 0 for a connection. */
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'failed'; readonly reason: string }

/** Exchanges that one plugin may shadow at a time; those beyond are not shadowed. A plugin that waits keeps its copies. */
const maxShadows = 1_000

/** Keeps the exchanges that one plugin shadows apart from the real ones, and counts what they come to. */
export class Shadows {
  readonly #spec: PluginSpec
  readonly #health: PluginHealth
  #running = 0

  constructor(spec: PluginSpec, health: PluginHealth) {
    this.#spec = spec
    this.#health = health
  }

  /** Whether another exchange can be shadowed now. */
  get hasRoom(): boolean {
    return this.#running < maxShadows && !this.#health.isHeldBack
  }

  /** Runs the plugin on its copy of an exchange. Whatever it does stays in there. */
  async run(real: Context, observe: (cx: Context) => Promise<Verdict>): Promise<void> {
    const shadow = shadowOf(real)
    const stopAbort = real.onAbort((reason) => shadow.abort(reason))
    let outcome: Outcome = { ...noOutcome }
    real.onEnd((ended) => {
      outcome = ended
    })
    this.#running += 1
    try {
      this.#count(real, await observe(shadow))
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      // a client that left says nothing about the plugin
      if (!real.abortReason) this.#count(real, { kind: 'failed', reason })
    } finally {
      this.#running -= 1
      stopAbort()
      shadow.finish(outcome)
    }
  }

  /** A copy of a body for the plugin, within what it may hold. */
  split(body: Body, digest: Digest): Tee {
    const { bufferKiB } = this.#spec.policy.limits
    return tee(body, {
      maxBytes: bufferKiB * 1_024,
      tooLong: () =>
        pluginFailure(
          new PluginError(
            this.#spec,
            'limit',
            null,
            `the copy of a body is over bufferKiB, ${bufferKiB} KiB`,
          ),
        ),
      onBytes: (bytes) => digest.update(bytes),
      onEnd: () => {
        digest.isWhole = true
      },
    })
  }

  #count(cx: Context, verdict: Verdict): void {
    const isAnswer = verdict.kind === 'answered' && verdict.status > 0
    const label = isAnswer ? `answered_${statusClass(verdict.status)}xx` : verdict.kind
    this.#health.verdict(cx, label)
    const { name, version } = this.#spec
    cx.log.debug(`plugin ${name} was shadowed`, { version, id: cx.id, verdict: label, ...verdict })
  }
}

/** Why a copy ends when what it was a copy of has ended. */
export const copyEnded = (): ProxyError =>
  new ProxyError('CLIENT_GONE', 'the exchange that is shadowed has ended')

const noOutcome: Outcome = {
  status: 0,
  error: null,
  response: null,
  receivedBytes: 0,
  sentBytes: 0,
  durationMs: 0,
}

/** The same facts, none of it shared: what the plugin writes there is its own. */
function shadowOf(real: Context): Context {
  return new Context({
    id: real.id,
    peer: { ...real.peer, choices: new Map(real.peer.choices) },
    vars: { ...real.vars },
    log: real.log,
    startedAt: real.startedAt,
  })
}

/** Tells bodies apart without keeping them. */
export class Digest {
  /** Whether the body came to its end. */
  isWhole = false
  readonly #hash: Hash = createHash('sha256')
  #result: string | null = null

  /** What comes after {@link result} was asked for is not counted. */
  update(bytes: Uint8Array): void {
    if (this.#result === null) this.#hash.update(bytes)
  }

  /** Of all that came. */
  get result(): string {
    this.#result ??= this.#hash.digest('base64')
    return this.#result
  }
}

/** A body that is split, and what is known of it. */
export interface Told {
  readonly digest: Digest
  /** What the plugin has of it; null when there is none. */
  readonly copy: Body | null
}

/**
 * Whether what the plugin gives is, byte for byte, what it got. Reads it to its end, because only then has the plugin
 * done all its work. Rejects when the plugin fails in it; when the original breaks off, nothing speaks against it.
 */
export async function isSameBody(body: Body | null, { copy, digest }: Told): Promise<boolean> {
  if (body === copy) {
    body?.cancel(copyEnded())
    return true
  }
  const given = new Digest()
  try {
    await body?.pipeTo({
      write: (bytes) => {
        given.update(bytes)
        return true
      },
      end: () => {},
    })
  } catch (thrown) {
    if (thrown instanceof ProxyError && thrown.cause instanceof PluginError) throw thrown
    return true
  }
  return digest.isWhole && given.result === digest.result
}

/**
 * What evaluating a PipyJS script records: data alone, made in the guest, sent
 * out once as JSON, checked, and run by the host. Numbers called `fn` name guest callbacks.
 */
export interface Plan {
  /** The index of `.pipeline()` in `pipelines`; null when the script has none. */
  readonly entrance: number | null
  /** Every pipeline: those of the script, and one for each `.to($ => …)`. */
  readonly pipelines: readonly PlanPipeline[]
  /** Variables of others, in the order in which they have numbers in the guest. */
  readonly imports: readonly PlanVariable[]
  /** Variables of this script that others may import. */
  readonly exports: readonly PlanVariable[]
}

/** A variable in a namespace (`.import({ name: namespace })`). */
export interface PlanVariable {
  readonly name: string
  readonly namespace: string
  readonly place: PlanPlace
}

/** Where in the script something was said; 0 is unknown. */
export interface PlanPlace {
  readonly line: number
  readonly column: number
}

/** One pipeline layout. */
export interface PlanPipeline {
  /** Null for the entrance and for those of `.to($ => …)`. */
  readonly name: string | null
  readonly onStart: PlanValue | null
  readonly onEnd: PlanValue | null
  readonly filters: readonly PlanFilter[]
}

/** One filter, as the script called it. */
export interface PlanFilter {
  /** The method's name, such as `handleMessageStart`. */
  readonly kind: string
  readonly place: PlanPlace
  /** Arguments that are no layouts, in order; trailing undefined ones are left out. */
  readonly args: readonly PlanValue[]
  /** Sub-pipelines in order: what `.to(…)`, `branch` and `link` named or built. */
  readonly layouts: readonly PlanLayout[]
}

/** A sub-pipeline: by its index in {@link Plan.pipelines}. Names are resolved when the plan is read. */
export type PlanLayout = { readonly pipeline: number } | { readonly name: string }

/**
 * An argument. `fn`: a function of the script. `events`: an event, message or array of them; `fn`
 * gives a fresh copy each time it is called. `json`: plain data, with functions inside as `{"$fn": n}`.
 */
export type PlanValue =
  | { readonly type: 'fn'; readonly fn: number }
  | { readonly type: 'events'; readonly fn: number }
  | { readonly type: 'json'; readonly value: unknown }

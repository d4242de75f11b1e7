import type { PluginSpec } from '../../../chains/plugins.ts'
import { PluginFault, type PluginHost } from '../../plugin/contract.ts'
import type { Plan, PlanFilter, PlanLayout, PlanPipeline, PlanPlace, PlanValue } from '../plan.ts'
import { FilterReader } from './arguments.ts'
import { Expand } from './expand.ts'
import type { PipelineLayout, StageMaker } from './pipeline.ts'
import { positionOf } from './runtime.ts'
import { absentKinds, type StageKind, stageKinds } from './stages.ts'

/** A layout while it is being made: pipelines name each other in any order. */
interface OpenLayout extends PipelineLayout {
  stages: readonly StageMaker[]
}

const unknownPlace: PlanPlace = { line: 0, column: 0 }

/**
 * Checks a plan as a whole, and makes pipelines of it that can be begun at no
 * further cost. Returns the entrance; null when the script has none. Throws a
 * {@link PluginFault} for what is not right in it.
 */
export function compilePlan(plan: Plan, spec: PluginSpec, host: PluginHost): PipelineLayout | null {
  const layouts = plan.pipelines.map((pipeline) => openLayout(pipeline, spec))
  const byName = new Map(layouts.flatMap((layout) => (layout.name === null ? [] : [[layout.name, layout]])))
  const tools = { host, findPipeline: (name: string) => byName.get(name) }
  const resolve = (layout: PlanLayout, filter: PlanFilter): PipelineLayout => {
    const found = 'name' in layout ? byName.get(layout.name) : layouts[layout.pipeline]
    if (found) return found
    const name = 'name' in layout ? layout.name : String(layout.pipeline)
    throw faultAt(
      spec,
      filter.place,
      `pipeline not found with name: ${name}; it would be .pipeline('${name}')`,
    )
  }
  plan.pipelines.forEach(({ filters }, index) => {
    const layout = layouts[index] as OpenLayout
    layout.stages = filters.flatMap((filter) => {
      const kind = kindOf(filter, spec)
      const reader = new FilterReader(
        spec,
        filter,
        filter.layouts.map((named) => resolve(named, filter)),
      )
      const stage = kind.compile(reader, tools)
      return kind.view === 'heads' ? [stage] : [expandFor(kind), stage]
    })
  })
  return plan.entrance === null ? null : (layouts[plan.entrance] ?? null)
}

function openLayout({ name, onStart, onEnd, filters }: PlanPipeline, spec: PluginSpec): OpenLayout {
  const place = filters[0]?.place ?? unknownPlace
  return {
    name,
    place,
    onStart: functionIn(onStart, 'onStart', place, spec),
    onEnd: functionIn(onEnd, 'onEnd', place, spec),
    stages: [],
  }
}

function functionIn(
  value: PlanValue | null,
  name: string,
  place: PlanPlace,
  spec: PluginSpec,
): number | null {
  if (value === null) return null
  if (value.type !== 'json') return value.fn
  throw faultAt(spec, place, `${name}() takes a function${name === 'onStart' ? ', or events' : ''}`)
}

function kindOf({ kind, place, layouts }: PlanFilter, spec: PluginSpec): StageKind {
  const known = Object.hasOwn(stageKinds, kind) ? stageKinds[kind] : undefined
  if (!known) {
    const advice = Object.hasOwn(absentKinds, kind) ? absentKinds[kind] : undefined
    throw faultAt(spec, place, advice ? `${kind}() is not there: ${advice}` : `there is no filter ${kind}()`)
  }
  if (layouts.length > 0 && !known.takesLayouts) {
    throw faultAt(spec, place, `${kind}() takes no sub-pipeline: leave .to() out`)
  }
  return known
}

function expandFor({ view }: StageKind): StageMaker {
  const keepsEmpty = view === 'pieces'
  return ({ line }, next) => new Expand(line, next, keepsEmpty)
}

function faultAt(spec: PluginSpec, place: PlanPlace, reason: string): PluginFault {
  return new PluginFault(spec, positionOf(spec, place), reason)
}

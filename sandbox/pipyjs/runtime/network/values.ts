import type { CallbackResult } from '../../guest-session.ts'
import type { PlanPlace } from '../../plan.ts'
import type { Pipeline } from '../pipeline.ts'

/** What a function of the script gives, waited for if it is a promise. Null when that failed, and the line with it. */
export async function askValue(
  pipeline: Pipeline,
  place: PlanPlace,
  fn: number,
): Promise<CallbackResult | null> {
  const result = pipeline.call(fn, 'value', [])
  if (result?.type !== 'promise') return result
  const wait = pipeline.line.wait(place)
  try {
    return await result.result
  } catch (thrown) {
    pipeline.fail(thrown)
    return null
  } finally {
    wait.end(() => {})
  }
}

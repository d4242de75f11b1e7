import { closest } from '../shape/closest.ts'
import { configShape } from './config-shape.ts'

/** The one fault of a file that is something else altogether; a list of all its parts would only hide that. */
export const noConfig =
  "is no config: expected YAML with keys such as `inbound` and `outbound`, or FSM's config.json"

const { rule } = configShape
const known = rule.is === 'object' ? Object.keys(rule.fields) : []

/** Whether a file with these keys at its top could be meant as a config of ours: it has one of them, or nearly. */
export function looksLikeConfig(keys: readonly string[]): boolean {
  return keys.some((key) => known.includes(key) || closest(key, known) !== null)
}

import { entries, exec, indexOf, isArray, repeat, stringify } from './natives.ts'
import { resolved } from './yaml-scalars.ts'

/** How deeply a value may be nested: the stack is small. */
const maxDepth = 32

/** Texts that mean themselves without quotes, wherever they stand. */
const safe = /^[A-Za-z0-9_./$+~^][A-Za-z0-9_./$+~^@%=()*!?<>|&;, -]*$/

/** Writes plain data as YAML, in blocks. */
export function written(value: unknown): string {
  return isCollection(value) ? lines(value, 0) : `${scalar(value)}\n`
}

function lines(collection: object, depth: number): string {
  if (depth > maxDepth) throw new RangeError(`YAML: the value is nested more than ${maxDepth} deep`)
  const indent = repeat('  ', depth)
  let text = ''
  if (isArray(collection)) {
    for (let at = 0; at < collection.length; at += 1) text += `${indent}-${entry(collection[at], depth)}`
    return text
  }
  const pairs = entries(collection)
  for (let at = 0; at < pairs.length; at += 1) {
    const pair = pairs[at] as [string, unknown]
    text += `${indent}${scalar(pair[0])}:${entry(pair[1], depth)}`
  }
  return text
}

function entry(value: unknown, depth: number): string {
  return isCollection(value) ? `\n${lines(value, depth + 1)}` : ` ${scalar(value)}\n`
}

/** Empty ones are written like scalars. */
function isCollection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && entries(value).length > 0
}

function scalar(value: unknown): string {
  if (typeof value !== 'string') return stringify(value)
  const isPlain =
    exec(safe, value) !== null &&
    resolved(value) === value &&
    indexOf(value, ' #') < 0 &&
    value[value.length - 1] !== ' '
  // What JSON quotes, YAML reads.
  return isPlain ? value : stringify(value)
}

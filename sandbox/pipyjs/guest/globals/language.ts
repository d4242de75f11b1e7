import { Data } from '../data.ts'
import { defineGlobal } from '../scope.ts'

/** What JavaScript itself has that scripts may use. Others are not there, such as `eval`. */
const names = [
  'Infinity',
  'NaN',
  'undefined',
  'globalThis',
  'isFinite',
  'isNaN',
  'parseFloat',
  'parseInt',
  'decodeURI',
  'decodeURIComponent',
  'encodeURI',
  'encodeURIComponent',
  'escape',
  'unescape',
  'AggregateError',
  'Array',
  'ArrayBuffer',
  'BigInt',
  'BigInt64Array',
  'BigUint64Array',
  'Boolean',
  'DataView',
  'Date',
  'Error',
  'EvalError',
  'FinalizationRegistry',
  'Float32Array',
  'Float64Array',
  'Function',
  'Int16Array',
  'Int32Array',
  'Int8Array',
  'Iterator',
  'Map',
  'Math',
  'Number',
  'Object',
  'Promise',
  'Proxy',
  'RangeError',
  'ReferenceError',
  'Reflect',
  'RegExp',
  'Set',
  'String',
  'Symbol',
  'SyntaxError',
  'TypeError',
  'URIError',
  'Uint16Array',
  'Uint32Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'WeakMap',
  'WeakRef',
  'WeakSet',
]

/** JavaScript, with what PipyJS has more of it: a tolerant Object, and JSON of Data. */
export function installLanguage(): void {
  const global = globalThis as unknown as Record<string, unknown>
  for (const name of names) defineGlobal(name, { value: global[name] })
  makeObjectTolerant()
  defineGlobal('JSON', { value: jsonOfData() })
}

/** PipyJS takes null and undefined for empty objects here, and plugins rely on it. */
function makeObjectTolerant(): void {
  const { keys, values, entries, assign } = Object
  const lists = { keys, values, entries }
  for (const name of Object.keys(lists)) {
    const list = lists[name as keyof typeof lists] as (object: object) => unknown[]
    define(name, (object: unknown) => (object === undefined || object === null ? [] : list(object)))
  }
  define('assign', (target: unknown, ...sources: object[]) =>
    target === undefined || target === null ? target : assign(target as object, ...sources),
  )
}

function define(name: string, value: unknown): void {
  Object.defineProperty(Object, name, { value, writable: true, configurable: true })
}

function jsonOfData(): object {
  const { parse, stringify } = JSON
  return Object.freeze({
    parse,
    stringify,
    decode: (data: Data) => parse(data.toString()),
    encode: (value: unknown, replacer?: never, space?: never) =>
      new Data(stringify(value, replacer, space) ?? ''),
  })
}

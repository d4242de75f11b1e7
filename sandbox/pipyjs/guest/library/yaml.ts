import { Data } from '../data.ts'
import { textOf } from './bytes.ts'
import { freeze, indexOf, join, parse, split, stringify } from './natives.ts'
import { YamlReader } from './yaml-reader.ts'
import { written } from './yaml-writer.ts'

type Reviver = (key: string, value: unknown) => unknown
type Replacer = (key: string, value: unknown) => unknown

/** `YAML`: like `JSON`, for YAML. It is read and written here, so that a document costs its plugin's own time. */
export const yaml: object = freeze({
  parse: (text: unknown, reviver?: Reviver) => read(String(text), reviver),
  stringify: (value: unknown, replacer?: Replacer) => write(value, replacer),
  decode: (data: unknown, reviver?: Reviver) =>
    data === null || data === undefined ? null : read(textOf(data, 'what YAML.decode() takes'), reviver),
  encode: (value: unknown, replacer?: Replacer) => {
    const text = write(value, replacer)
    return text === undefined ? undefined : new Data(text)
  },
})

function read(given: string, reviver: Reviver | undefined): unknown {
  const text = indexOf(given, '\r') < 0 ? given : join(split(join(split(given, '\r\n'), '\n'), '\r'), '\n')
  const value = new YamlReader(text).read()
  return typeof reviver === 'function' ? parse(stringify(value), reviver) : value
}

function write(value: unknown, replacer: Replacer | undefined): string | undefined {
  const json = stringify(value, replacer)
  return json === undefined ? undefined : written(parse(json))
}

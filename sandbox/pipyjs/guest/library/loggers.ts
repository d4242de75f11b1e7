import { Data } from '../data.ts'
import { host } from '../host.ts'
import { bufferOf, pushData } from './bytes.ts'
import { libraryHost } from './host.ts'
import { freeze, isArray, join, stringify } from './natives.ts'

interface HttpOptions {
  readonly batch?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, unknown>>
  readonly method?: unknown
}

/** Where records of a logger go: to the log of the proxy unless they only go to a service. */
class Targets {
  readonly #name: string
  readonly #services: number[] = []
  #isLogged = false

  constructor(name: unknown) {
    this.#name = String(name)
  }

  addLog(): void {
    this.#isLogged = true
  }

  addService(url: unknown, options: HttpOptions | null | undefined): void {
    const id = libraryHost().openShipping(this.#name, String(url), stringify(options ?? {}))
    this.#services[this.#services.length] = id
  }

  write(record: string | Data): void {
    if (this.#isLogged || this.#services.length === 0) {
      const text =
        typeof record === 'string' ? record : (host.decodeText(bufferOf(record, 'a record'), 'utf8') ?? '')
      host.log('info', `${this.#name}: ${text}`)
    }
    for (let at = 0; at < this.#services.length; at += 1) {
      libraryHost().ship(this.#services[at] as number, bufferOf(record, 'a record'))
    }
  }
}

/** Writes records in one form. Methods work without their logger too: `const { log } = logger`. */
class Logger {
  readonly log: (...values: unknown[]) => void
  readonly toStdout: () => Logger
  readonly toStderr: () => Logger
  readonly toSyslog: () => Logger
  readonly toFile: () => never
  readonly toHTTP: (url: unknown, options?: HttpOptions | null) => Logger

  constructor(name: unknown, form: (values: readonly unknown[]) => string | Data) {
    const targets = new Targets(name)
    this.log = (...values) => targets.write(form(values))
    this.toStdout = () => {
      targets.addLog()
      return this
    }
    this.toStderr = this.toStdout
    this.toSyslog = this.toStdout
    this.toFile = () => {
      throw new Error('logging: a plugin has no files; toStdout() writes to the log of the proxy')
    }
    this.toHTTP = (url, options) => {
      targets.addService(url, options)
      return this
    }
  }
}

function jsonForm(values: readonly unknown[]): string {
  let text = ''
  for (let at = 0; at < values.length; at += 1) text += stringify(values[at]) ?? 'null'
  return text
}

function textForm(values: readonly unknown[]): string {
  const texts: string[] = []
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at]
    const isPlain = typeof value !== 'object' || value === null || value instanceof Data
    texts[at] = isPlain ? String(value) : (stringify(value) ?? String(value))
  }
  return join(texts, ' ')
}

function binaryForm(values: readonly unknown[]): Data {
  const record = new Data()
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at]
    pushData(record, value instanceof Data || isArray(value) ? new Data(value) : new Data(String(value)))
  }
  return record
}

/** `logging`: records that go to the log of the proxy, or in batches to a service that is granted. */
export const logging: object = freeze({
  BinaryLogger: function BinaryLogger(name: unknown) {
    return new Logger(name, binaryForm)
  },
  TextLogger: function TextLogger(name: unknown) {
    return new Logger(name, textForm)
  },
  JSONLogger: function JSONLogger(name: unknown) {
    return new Logger(name, jsonForm)
  },
})

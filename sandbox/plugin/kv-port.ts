import type { MessagePort } from 'node:worker_threads'
import {
  checkKey,
  checkValue,
  type KeyValue,
  type KeyValueLimits,
  type KeyValueStore,
  keyValueLimits,
} from './kv.ts'

/** What can be asked of a map, with its arguments in order. */
interface Operations {
  get: readonly [key: string]
  set: readonly [key: string, value: string, ttlMs: number]
  delete: readonly [key: string]
  compareAndSet: readonly [key: string, expected: string | null, value: string | null, ttlMs: number]
  add: readonly [key: string, amount: number, ttlMs: number]
}

type Question = {
  [K in keyof Operations]: {
    readonly request: number
    readonly plugin: string
    readonly operation: K
    readonly args: Operations[K]
  }
}[keyof Operations]

type Result = string | number | boolean | null

interface Answer {
  readonly request: number
  readonly result: Result
  /** Null when it went well. */
  readonly fault: string | null
}

/** Questions of one worker that wait for their answers; plugins decide how many they ask. */
const maxPending = 10_000
/** Characters of keys and values in them. */
const maxPendingLength = 16 * 1_048_576

/** Answers the questions of one worker out of `store`, until the port closes. Keeps no process alive. */
export function serveKeyValue(port: MessagePort, store: KeyValueStore): void {
  port.on('message', (question: Question) => {
    const { request } = question
    let answer: Answer
    try {
      answer = { request, result: perform(store, question), fault: null }
    } catch (thrown) {
      answer = { request, result: null, fault: thrown instanceof Error ? thrown.message : String(thrown) }
    }
    port.postMessage(answer)
  })
  port.unref()
}

function perform(store: KeyValueStore, question: Question): Result {
  const map = store.of(question.plugin)
  switch (question.operation) {
    case 'get':
      return map.get(...question.args)
    case 'set':
      map.set(...question.args)
      return null
    case 'delete':
      return map.delete(...question.args)
    case 'compareAndSet':
      return map.compareAndSet(...question.args)
    case 'add':
      return map.add(...question.args)
  }
}

interface Pending {
  /** Characters of its question. */
  readonly length: number
  readonly resolve: (result: Result) => void
  readonly reject: (reason: Error) => void
}

/** The worker's end of the port: the maps that live on the main thread. */
export class KeyValueClient implements Disposable {
  readonly #port: MessagePort
  readonly #limits: KeyValueLimits
  readonly #pending = new Map<number, Pending>()
  #pendingLength = 0
  #lastRequest = 0
  #isClosed = false

  /** What is over `limits` stays on this side: the main thread serves everybody. */
  constructor(port: MessagePort, limits: KeyValueLimits = keyValueLimits) {
    this.#port = port
    this.#limits = limits
    port.on('message', ({ request, result, fault }: Answer) => {
      const pending = this.#pending.get(request)
      this.#pending.delete(request)
      this.#pendingLength -= pending?.length ?? 0
      if (fault === null) pending?.resolve(result)
      else pending?.reject(new Error(fault))
    })
    port.on('close', () => this.#close())
    port.unref()
  }

  /** The map of one plugin; nobody else's can be reached through it. */
  of(plugin: string): KeyValue {
    const ask = <T extends Result>(question: Omit<Question, 'request' | 'plugin'>): Promise<T> =>
      this.#ask({ ...question, plugin }) as Promise<T>
    return {
      get: (key) => ask({ operation: 'get', args: [key] }),
      async set(key, value, ttlMs) {
        await ask({ operation: 'set', args: [key, value, ttlMs] })
      },
      delete: (key) => ask({ operation: 'delete', args: [key] }),
      compareAndSet: (key, expected, value, ttlMs) =>
        ask({ operation: 'compareAndSet', args: [key, expected, value, ttlMs] }),
      add: (key, amount, ttlMs) => ask({ operation: 'add', args: [key, amount, ttlMs] }),
    }
  }

  [Symbol.dispose](): void {
    this.#port.close()
    this.#close()
  }

  async #ask(question: Omit<Question, 'request'>): Promise<Result> {
    if (this.#isClosed) throw new Error('the worker is ending')
    const length = this.#lengthOf(question.args)
    if (this.#pending.size >= maxPending) {
      throw new Error(`more than ${maxPending} questions wait for their answers`)
    }
    if (this.#pendingLength + length > maxPendingLength) {
      throw new Error(`questions of more than ${maxPendingLength} characters wait for their answers`)
    }
    this.#lastRequest += 1
    const request = this.#lastRequest
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { length, resolve, reject })
      this.#pendingLength += length
      this.#port.postMessage({ ...question, request })
    })
  }

  /** Throws an `Error` when a key or a value is too long. */
  #lengthOf([key, ...others]: Question['args']): number {
    let length = key.length
    checkKey(key, this.#limits)
    for (const other of others) {
      if (typeof other !== 'string') continue
      checkValue(key, other, this.#limits)
      length += other.length
    }
    return length
  }

  #close(): void {
    this.#isClosed = true
    for (const { reject } of this.#pending.values()) reject(new Error('the worker is ending'))
    this.#pending.clear()
    this.#pendingLength = 0
  }
}

import type { HeaderList } from '../../../chains/headers.ts'
import { type HostCall, type HostFunction, HostRefusal } from '../../quickjs/contract.ts'
import type { MessageHead } from '../events.ts'
import type { CallingContext, HeadEntry } from './calling.ts'
import {
  applyEdit,
  type HeadEdit,
  type HeadField,
  headFields,
  replaceHeaders,
  setHeader,
} from './head-edits.ts'
import { spellingsIn } from './header-spellings.ts'
import { HeaderNames, headerValue, textOfHead } from './header-texts.ts'
import { addExtra, checkedField, checkedHeaders, describeHead, shownField } from './made-heads.ts'

/** Header names for which a guest has functions of its own: more than most scripts use. */
const shownNames = 32
/** Characters that one call can write into heads. */
const maxWritten = 1_048_576

/**
 * The heads that a guest can see. It reads them where they are; what it writes
 * is kept until the call has ended well, and can be read back before.
 */
export class Heads {
  readonly functions: Readonly<Record<string, HostFunction>>
  readonly #names = new HeaderNames()
  readonly #entries = new Map<number, HeadEntry>()
  readonly #edits: HeadEdit[] = []
  #last: HeadEntry | null = null
  #lastId = 0
  #written = 0
  /** What a callback sees that cannot keep it, and its context. */
  #shownHead: MessageHead | null = null
  #shownTo: CallingContext | null = null

  constructor() {
    this.functions = { ...this.#headerFunctions(), ...this.#headFunctions(), ...this.#shownFunctions() }
  }

  /** The number of a head, for a call in that context. */
  lift(head: MessageHead, context: CallingContext): number {
    let entry = head.id === 0 ? undefined : this.#entries.get(head.id)
    if (entry?.head !== head) {
      this.#lastId += 1
      entry = { id: this.#lastId, head, isSent: false }
      head.id = this.#lastId
      this.#entries.set(head.id, entry)
      context.heads ??= []
      context.heads.push(entry)
    }
    entry.isSent = false
    this.#last = entry
    return entry.id
  }

  /** Shows a head to a callback that cannot keep it: in this call it needs no number. */
  show(head: MessageHead, context: CallingContext): void {
    if (head.id !== 0) this.lift(head, context)
    this.#shownHead = head
    this.#shownTo = context
  }

  /** The head of a number; refuses unknown ones. */
  entry(id: number): HeadEntry {
    if (this.#last?.id === id) return this.#last
    const entry = this.#entries.get(id)
    if (!entry) throw new HostRefusal('this message is over')
    this.#last = entry
    return entry
  }

  /** Forgets the heads of a context. They keep their numbers, by which is seen that a script had them. */
  release(context: CallingContext): void {
    for (const { id } of context.heads ?? []) this.#entries.delete(id)
    context.heads = null
    this.#last = null
  }

  /** The call has ended well: what it wrote takes effect. */
  commit(): void {
    if (this.#edits.length > 0) for (const edit of this.#edits) applyEdit(edit)
    this.rollback()
  }

  /** Forgets what a call has written. */
  rollback(): void {
    if (this.#edits.length > 0) this.#edits.length = 0
    this.#written = 0
    this.#shownHead = null
  }

  #headerFunctions(): Record<string, HostFunction> {
    return {
      headerName: (call) => this.#names.number(call.string(0)),
      header: (call) => this.#header(this.#head(call), this.#names.read(call, 1)),
      headerValues: (call) => {
        const values = this.#values(this.#head(call), this.#names.read(call, 1))
        return JSON.stringify(values.map(textOfHead))
      },
      setHeader: (call) => {
        const head = this.#head(call)
        const name = this.#names.readValid(call, 1)
        const text = call.string(2)
        this.#edit({ kind: 'header', head, name, values: [headerValue(name, text)] }, text.length)
      },
      setHeaderValues: (call) => {
        const head = this.#head(call)
        const name = this.#names.readValid(call, 1)
        const text = call.string(2)
        const values = checkedHeaders(textsIn(text).flatMap((value) => [name, value]))
        this.#edit(
          { kind: 'header', head, name, values: values.filter((_, at) => at % 2 === 1) },
          text.length,
        )
      },
      deleteHeader: (call) => {
        const head = this.#head(call)
        this.#edit({ kind: 'header', head, name: this.#names.read(call, 1), values: [] }, 0)
      },
      headerNames: (call) => {
        const { fields } = this.#draft(this.#head(call))
        const names = fields.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
        return JSON.stringify([...new Set(names)])
      },
      headerSpellings: (call) => JSON.stringify(spellingsIn(this.#head(call))),
      replaceHeaders: (call) => {
        const head = this.#head(call)
        const text = call.string(1)
        this.#edit({ kind: 'headers', head, list: checkedHeaders(JSON.parse(text)) }, text.length)
      },
    }
  }

  #headFunctions(): Record<string, HostFunction> {
    return {
      headField: (call) => this.#field(this.#head(call), fieldAt(call.number(1))),
      setHeadField: (call) => {
        const head = this.#head(call)
        const field = fieldAt(call.number(1))
        const given = call.isUndefined(2) ? undefined : field === 'status' ? call.number(2) : call.string(2)
        const value = checkedField(field, given)
        this.#edit({ kind: 'field', head, field, value }, String(value).length)
      },
      headFieldBits: (call) => {
        const head = this.#head(call)
        return headFields.reduce(
          (bits, field, place) => (this.#field(head, field) === undefined ? bits : bits | (1 << place)),
          0,
        )
      },
      headExtras: (call) => {
        const { extra } = this.#head(call)
        return extra && extra.size > 0 ? JSON.stringify(Object.fromEntries(extra)) : null
      },
      setHeadExtra: (call) => {
        const head = this.#head(call)
        const name = call.string(1)
        const json = call.isUndefined(2) ? null : call.string(2)
        addExtra(new Map(head.extra), name, json)
        this.#edit({ kind: 'extra', head, name, json }, name.length + (json?.length ?? 0))
      },
      wholeHead: (call) => describeHead(this.#head(call)),
    }
  }

  /** Functions that know which head, and which header or field of it: they are the guest's accessors. */
  #shownFunctions(): Record<string, HostFunction> {
    const functions: Record<string, HostFunction> = {
      shownHead: () => this.lift(this.#shown(), this.#shownTo as CallingContext),
    }
    headFields.forEach((field, place) => {
      functions[`shownField${place}`] = () => this.#field(this.#shown(), field)
    })
    for (let number = 1; number <= shownNames; number += 1) {
      functions[`shownHeader${number}`] = () => this.#header(this.#shown(), this.#names.of(number))
      functions[`setShownHeader${number}`] = (call) => {
        const text = call.string(0)
        const name = this.#names.of(number)
        const values = [headerValue(name, text)]
        this.#edit({ kind: 'header', head: this.#shown(), name, values }, text.length)
      }
    }
    return functions
  }

  #shown(): MessageHead {
    if (!this.#shownHead) throw new HostRefusal('this message is over')
    return this.#shownHead
  }

  #head(call: HostCall): MessageHead {
    return this.entry(call.number(0)).head
  }

  #edit(edit: HeadEdit, length: number): void {
    this.#written += length + 64
    if (this.#written > maxWritten) {
      throw new HostRefusal(`one call can write ${maxWritten} characters into heads, and no more`)
    }
    this.#edits.push(edit)
  }

  /** A field, as this call has left it. */
  #field(head: MessageHead, field: HeadField): string | number | undefined {
    const edit = this.#edits.findLast(
      (one) => one.kind === 'field' && one.head === head && one.field === field,
    )
    if (edit?.kind !== 'field') return shownField(head, field)
    if (typeof edit.value === 'string') return edit.value === '' ? undefined : textOfHead(edit.value)
    return edit.value === 0 ? undefined : edit.value
  }

  /** The last value of a header; how many there are, for cookies that are repeated. */
  #header(head: MessageHead, name: string): string | number | undefined {
    if (this.#edits.length === 0 && name !== 'cookie' && name !== 'set-cookie') {
      const value = lastValue(head.headers.fields, name)
      return value === undefined ? undefined : textOfHead(value)
    }
    const values = this.#values(head, name)
    if (values.length > 1 && (name === 'cookie' || name === 'set-cookie')) return values.length
    const last = values.at(-1)
    return last === undefined ? undefined : textOfHead(last)
  }

  /** Every value of a header, as this call has left it. */
  #values(head: MessageHead, name: string): readonly string[] {
    const edit = this.#edits.findLast(
      (one) => one.head === head && (one.kind === 'headers' || (one.kind === 'header' && one.name === name)),
    )
    if (edit?.kind === 'header') return edit.values
    const list = edit?.kind === 'headers' ? edit.list : head.headers.fields
    return list.filter((_, at) => at % 2 === 1 && (list[at - 1] as string).toLowerCase() === name)
  }

  /** The headers as this call has left them. */
  #draft(head: MessageHead): HeaderList {
    const draft = head.headers.clone()
    for (const edit of this.#edits) {
      if (edit.head !== head) continue
      if (edit.kind === 'header') setHeader(draft, edit.name, edit.values)
      if (edit.kind === 'headers') replaceHeaders(draft, edit.list)
    }
    return draft
  }
}

function fieldAt(place: number): HeadField {
  const field = headFields[place]
  if (!field) throw new HostRefusal('a head has no such field')
  return field
}

function textsIn(json: string): string[] {
  const texts: unknown = JSON.parse(json)
  if (!Array.isArray(texts)) throw new HostRefusal('a header has one value, or an array of values')
  return texts.map(String)
}

/** The value of the last field of that name, which is lower case. */
function lastValue(fields: readonly string[], name: string): string | undefined {
  for (let at = fields.length - 2; at >= 0; at -= 2) {
    if (isNamed(fields[at] as string, name)) return fields[at + 1]
  }
  return undefined
}

/** Whether a field's name is that one in any case. Names of one length mostly differ at the end. */
function isNamed(field: string, lower: string): boolean {
  if (field.length !== lower.length) return false
  if (field === lower) return true
  for (let at = field.length - 1; at >= 0; at -= 1) {
    const unit = field.charCodeAt(at)
    const isUpper = unit >= 0x41 && unit <= 0x5a
    if ((isUpper ? unit | 0x20 : unit) !== lower.charCodeAt(at)) return false
  }
  return true
}

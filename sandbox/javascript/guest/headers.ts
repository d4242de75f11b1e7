const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// what a field value may hold (RFC 9110, 5.5), one byte for each character
const value = /^[\t\x20-\x7e\x80-\xff]*$/

/** Line feeds cannot stand in a field, so they part what goes to the host. */
const separator = '\n'

/**
 * The fields of one head, as plugins see them. Reading asks the host once;
 * writing is kept, and told to the host when the callback is over.
 */
export class Headers {
  readonly #read: () => string
  readonly #changed: () => void
  /** Names and values in turn, in the order and case of the wire; null before the first look. */
  #fields: string[] | null = null
  /** What was done, as lines of three: what, name, value. */
  #edits: string[] = []

  /** `read` gives names and values, parted by line feeds; `changed` is called at the first edit. */
  constructor(read: () => string, changed: () => void) {
    this.#read = read
    this.#changed = changed
  }

  /** The value of a field, several joined by a comma; null when there is none. */
  get(name: string): string | null {
    const values = this.getAll(name)
    return values.length === 0 ? null : values.join(', ')
  }

  /** Every value of a field, in order (what `Set-Cookie` needs). */
  getAll(name: string): string[] {
    const lower = String(name).toLowerCase()
    const fields = this.#all()
    const values: string[] = []
    for (let at = 0; at < fields.length; at += 2) {
      if ((fields[at] as string).toLowerCase() === lower) values.push(fields[at + 1] as string)
    }
    return values
  }

  /** Whether there is a field of that name. */
  has(name: string): boolean {
    return this.getAll(name).length > 0
  }

  /** Gives a field this one value. Throws a `TypeError` for what HTTP cannot carry. */
  set(name: string, text: string): void {
    const [field, content] = checked(name, text)
    const fields = this.#all()
    const lower = field.toLowerCase()
    const at = indexOf(fields, lower)
    if (at < 0) fields.push(field, content)
    else {
      fields[at + 1] = content
      removeFrom(fields, lower, at + 2)
    }
    this.#note('set', field, content)
  }

  /** Adds a field beside those of the same name. Throws like {@link set}. */
  append(name: string, text: string): void {
    const [field, content] = checked(name, text)
    this.#all().push(field, content)
    this.#note('append', field, content)
  }

  /** Removes every field of that name. */
  delete(name: string): void {
    const lower = String(name).toLowerCase()
    if (!token.test(lower)) return
    removeFrom(this.#all(), lower, 0)
    this.#note('delete', lower, '')
  }

  /** Yields `[name, value]`, in the order of the wire. */
  *[Symbol.iterator](): Generator<[string, string]> {
    const fields = [...this.#all()]
    for (let at = 0; at < fields.length; at += 2) yield [fields[at] as string, fields[at + 1] as string]
  }

  /** Takes what was done since the last time; empty when nothing was. */
  takeEdits(): string {
    const edits = this.#edits.join(separator)
    this.#edits = []
    return edits
  }

  #all(): string[] {
    if (!this.#fields) {
      const text = this.#read()
      this.#fields = text === '' ? [] : text.split(separator)
    }
    return this.#fields
  }

  #note(what: string, name: string, text: string): void {
    if (this.#edits.length === 0) this.#changed()
    this.#edits.push(what, name, text)
  }
}

/** Names and values of whatever a plugin gives as headers, checked, as one text for the host. */
export function headersText(given: unknown): string {
  if (given === undefined || given === null) return ''
  const entries =
    given instanceof Headers || Array.isArray(given) ? [...given] : Object.entries(given as object)
  const fields: string[] = []
  for (const entry of entries as readonly unknown[]) {
    const [name, content] = entry as [unknown, unknown]
    if (content === undefined || content === null) continue
    for (const one of Array.isArray(content) ? content : [content]) fields.push(...checked(name, one))
  }
  return fields.join(separator)
}

function checked(name: unknown, text: unknown): [string, string] {
  const field = String(name)
  const content = String(text)
  if (!token.test(field)) throw new TypeError(`${JSON.stringify(field)} cannot be the name of a header`)
  if (!value.test(content)) {
    throw new TypeError(`the value of header ${field} holds a character that a header cannot carry`)
  }
  return [field, content]
}

function indexOf(fields: readonly string[], lower: string): number {
  for (let at = 0; at < fields.length; at += 2) {
    if ((fields[at] as string).toLowerCase() === lower) return at
  }
  return -1
}

function removeFrom(fields: string[], lower: string, from: number): void {
  for (let at = fields.length - 2; at >= from; at -= 2) {
    if ((fields[at] as string).toLowerCase() === lower) fields.splice(at, 2)
  }
}

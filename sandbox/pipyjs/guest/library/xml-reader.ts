import { defineProperty, exec, fromCodePoint, hasOwn, indexOf, pop, slice, trim } from './natives.ts'
import { XmlNode } from './xml-node.ts'

/** How deeply elements may be nested. */
const maxDepth = 200

const name = /[A-Za-z_:\u0080-\uffff][-A-Za-z0-9_:.\u0080-\uffff]*/y
const attribute = /\s+([A-Za-z_:\u0080-\uffff][-A-Za-z0-9_:.\u0080-\uffff]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y
const endOfTag = /\s*(\/?)>/y
const reference = /^(?:#([0-9]{1,7})|#x([0-9a-fA-F]{1,6})|(lt|gt|amp|quot|apos))$/
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }
const declaration = /\ufeff?(?:<\?xml\s[^<>]*\?>)?/y

/** Why a text is no XML; caught here, because scripts get null. */
const noXml = { isNoXml: true }

/**
 * Reads an XML document; null for what is none. There is no document type and
 * no entity but the five of XML and numbers, so that nothing grows and nothing is fetched.
 */
export function readXml(text: string): XmlNode | null {
  try {
    return new XmlReader(text).read()
  } catch (thrown) {
    if (thrown === noXml) return null
    throw thrown
  }
}

class XmlReader {
  readonly #text: string
  #at = 0
  readonly #document = new XmlNode('', {}, [])
  readonly #open: XmlNode[] = [this.#document]
  #characters = ''

  constructor(text: string) {
    this.#text = text
  }

  read(): XmlNode {
    this.#take(declaration)
    while (this.#at < this.#text.length) this.#step()
    if (this.#open.length > 1 || this.#document.children?.length !== 1 || trim(this.#characters) !== '')
      throw noXml
    return this.#document
  }

  #step(): void {
    const mark = indexOf(this.#text, '<', this.#at)
    const end = mark < 0 ? this.#text.length : mark
    if (end > this.#at) {
      const characters = slice(this.#text, this.#at, end)
      if (indexOf(characters, ']]>') >= 0) throw noXml
      this.#characters += resolved(characters)
      this.#at = end
    } else if (this.#isNext('<!--')) this.#comment()
    else if (this.#isNext('<![CDATA[')) this.#characters += this.#until('<![CDATA[', ']]>')
    else if (this.#isNext('<?')) this.#instruction()
    else if (this.#isNext('</')) this.#endTag()
    else this.#startTag()
  }

  #comment(): void {
    if (indexOf(this.#until('<!--', '-->'), '--') >= 0) throw noXml
  }

  #instruction(): void {
    const target = trim(this.#until('<?', '?>'))
    if (exec(/^xml(?:\s|$)/i, target) !== null) throw noXml
  }

  #startTag(): void {
    this.#at += 1
    const found = this.#take(name)
    if (found === null) throw noXml
    const attributes = this.#attributes()
    const end = this.#take(endOfTag)
    if (end === null || this.#open.length > maxDepth) throw noXml
    const node = new XmlNode(found[0], attributes, [])
    this.#endText()
    const parent = this.#open[this.#open.length - 1] as XmlNode
    add(parent, node)
    if (end[1] === '') this.#open[this.#open.length] = node
  }

  #attributes(): Record<string, unknown> | null {
    let attributes: Record<string, unknown> | null = null
    for (;;) {
      const found = this.#take(attribute)
      if (found === null) return attributes
      attributes ??= {}
      const key = found[1] as string
      if (hasOwn(attributes, key)) throw noXml
      const value = resolved(found[2] ?? found[3] ?? '')
      defineProperty(attributes, key, { value, writable: true, enumerable: true, configurable: true })
    }
  }

  #endTag(): void {
    this.#at += 2
    const found = this.#take(name)
    const end = this.#take(endOfTag)
    if (found === null || end === null || end[1] !== '') throw noXml
    this.#endText()
    const closed = pop(this.#open)
    if (closed === undefined || closed.name !== found[0] || this.#open.length === 0) throw noXml
  }

  /** Text that is nothing but space is left out. */
  #endText(): void {
    const text = this.#characters
    this.#characters = ''
    if (trim(text) === '') return
    if (this.#open.length === 1) throw noXml
    add(this.#open[this.#open.length - 1] as XmlNode, text)
  }

  #isNext(text: string): boolean {
    return slice(this.#text, this.#at, this.#at + text.length) === text
  }

  #until(start: string, end: string): string {
    const from = this.#at + start.length
    const to = indexOf(this.#text, end, from)
    if (to < 0) throw noXml
    this.#at = to + end.length
    return slice(this.#text, from, to)
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const found = exec(pattern, this.#text)
    if (found !== null) this.#at += found[0].length
    return found
  }
}

function add(parent: XmlNode, child: unknown): void {
  const children = parent.children as unknown[]
  children[children.length] = child
}

/** Text with its references resolved. */
function resolved(text: string): string {
  let result = ''
  let from = 0
  for (;;) {
    const at = indexOf(text, '&', from)
    if (at < 0) return from === 0 ? text : result + slice(text, from)
    const end = indexOf(text, ';', at)
    const found = end < 0 ? null : exec(reference, slice(text, at + 1, end))
    if (found === null) throw noXml
    result += slice(text, from, at) + character(found)
    from = end + 1
  }
}

function character(found: RegExpExecArray): string {
  if (found[3] !== undefined) return entities[found[3]] as string
  const code = found[1] === undefined ? Number.parseInt(found[2] as string, 16) : Number(found[1])
  const isCharacter =
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 &&
      code <= 0x10_ffff &&
      !(code >= 0xd800 && code < 0xe000) &&
      code !== 0xfffe &&
      code !== 0xffff)
  if (!isCharacter) throw noXml
  return fromCodePoint(code)
}

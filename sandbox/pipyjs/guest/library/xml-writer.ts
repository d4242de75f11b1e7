import { entries, exec, indexOf, join, max, min, repeat, split, stringify } from './natives.ts'
import { XmlNode } from './xml-node.ts'

/** How deeply elements may be nested: the stack is small. */
const maxDepth = 32

const name = /^[A-Za-z_:\u0080-\uffff][-A-Za-z0-9_:.\u0080-\uffff]*$/

/** A document as text, indented by so many spaces; empty when it is not one element in a document. */
export function writeXml(document: unknown, space: unknown): string {
  const children = document instanceof XmlNode ? (document.children ?? []) : []
  const root = children[0]
  if (children.length !== 1 || !(root instanceof XmlNode)) return ''
  const width = max(0, min(10, Number(space ?? 0) || 0))
  const lineEnd = width > 0 ? '\n' : ''
  return `<?xml version="1.0" encoding="UTF-8"?>${lineEnd}${element(root, width, 0)}`
}

function element(node: XmlNode, width: number, depth: number): string {
  if (depth > maxDepth) throw new RangeError(`XML: elements are nested more than ${maxDepth} deep`)
  const padding = repeat(' ', width * depth)
  const lineEnd = width > 0 ? '\n' : ''
  const tag = checkedName(node.name)
  const start = `${padding}<${tag}${attributes(node)}`
  const children = node.children ?? []
  if (children.length === 0) return `${start}/>${lineEnd}`
  const first = children[0]
  if (children.length === 1 && !(first instanceof XmlNode))
    return `${start}>${escaped(first)}</${tag}>${lineEnd}`
  let text = `${start}>${lineEnd}`
  for (let at = 0; at < children.length; at += 1) {
    const child = children[at]
    text +=
      child instanceof XmlNode
        ? element(child, width, depth + 1)
        : `${repeat(' ', width * (depth + 1))}${escaped(child)}${lineEnd}`
  }
  return `${text}${padding}</${tag}>${lineEnd}`
}

function attributes(node: XmlNode): string {
  if (!node.attributes) return ''
  const pairs = entries(node.attributes)
  let text = ''
  for (let at = 0; at < pairs.length; at += 1) {
    const pair = pairs[at] as [string, unknown]
    text += ` ${checkedName(pair[0])}="${replaced(escaped(pair[1]), '"', '&quot;')}"`
  }
  return text
}

function checkedName(given: string): string {
  if (exec(name, given) === null) throw new TypeError(`XML: ${stringify(given)} is no name`)
  return given
}

/** Pipy writes texts as they are; then what they say could become elements. */
function escaped(value: unknown): string {
  return replaced(replaced(replaced(String(value), '&', '&amp;'), '<', '&lt;'), '>', '&gt;')
}

function replaced(text: string, from: string, to: string): string {
  return indexOf(text, from) < 0 ? text : join(split(text, from), to)
}

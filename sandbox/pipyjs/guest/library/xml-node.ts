/** An element of an XML document; the document itself has no name and one child. */
export class XmlNode {
  declare readonly name: string
  /** Null when there are none. */
  declare readonly attributes: Record<string, unknown> | null
  /** Elements and texts. */
  declare readonly children: unknown[] | null

  constructor(name: unknown, attributes?: Record<string, unknown> | null, children?: unknown[] | null) {
    this.name = String(name)
    this.attributes = attributes ?? null
    this.children = children ?? null
  }
}

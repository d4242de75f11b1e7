import { Data } from '../data.ts'
import { textOf } from './bytes.ts'
import { freeze } from './natives.ts'
import { XmlNode } from './xml-node.ts'
import { readXml } from './xml-reader.ts'
import { writeXml } from './xml-writer.ts'

/** `XML`: texts and bytes to elements, and back. What is no XML is null. */
export const xml: object = freeze({
  Node: XmlNode,
  parse: (text: unknown) => readXml(String(text)),
  stringify: writeXml,
  decode: (data: unknown) => {
    const isNothing = data === null || data === undefined
    return isNothing ? null : readXml(textOf(data, 'what XML.decode() takes'))
  },
  encode: (document: unknown, space?: unknown) => {
    const isNothing = document === null || document === undefined
    return isNothing ? null : new Data(writeXml(document, space))
  },
})

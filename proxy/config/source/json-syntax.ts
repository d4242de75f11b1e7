/** Where JSON text stops being JSON, and what stands there. */
export interface JsonFault {
  readonly offset: number
  readonly message: string
}

/**
 * Finds the first fault in text that `JSON.parse` has refused, because V8 does
 * not always say where it is. Returns null if there is none. Takes one pass and
 * no recursion, so that nesting costs only memory.
 */
export function findJsonFault(text: string): JsonFault | null {
  const open: ('{' | '[')[] = []
  let at = skipSpace(text, 0)
  for (;;) {
    const value = takeValueStart(text, at)
    if (typeof value !== 'number') return value
    if (value === at + 1 && (text[at] === '{' || text[at] === '[')) {
      const opened = text[at] === '{' ? '{' : '['
      at = skipSpace(text, value)
      if (text[at] !== (opened === '{' ? '}' : ']')) {
        open.push(opened)
        if (opened === '[') continue
        const key = takeKey(text, at)
        if (typeof key !== 'number') return key
        at = key
        continue
      }
      at += 1
    } else at = value
    const after = takeAfterValue(text, at, open)
    if (typeof after !== 'number') return after
    if (after < 0) return null
    at = after
  }
}

/** Closes what ends here and finds the start of the next value; -1 at the end of the text. */
function takeAfterValue(text: string, start: number, open: ('{' | '[')[]): number | JsonFault | null {
  let at = skipSpace(text, start)
  for (;;) {
    const inside = open.at(-1)
    if (inside === undefined) {
      return at >= text.length
        ? -1
        : { offset: at, message: `expected the end of the file, not ${found(text, at)}` }
    }
    const close = inside === '{' ? '}' : ']'
    if (text[at] === close) {
      open.pop()
      at = skipSpace(text, at + 1)
    } else if (text[at] === ',') {
      const next = skipSpace(text, at + 1)
      return inside === '{' ? takeKey(text, next) : next
    } else return { offset: at, message: `expected , or ${close}, not ${found(text, at)}` }
  }
}

/** Passes `"key" :` and returns where its value starts. */
function takeKey(text: string, at: number): number | JsonFault {
  if (text[at] !== '"')
    return { offset: at, message: `expected a key in double quotes, not ${found(text, at)}` }
  const end = takeString(text, at)
  if (typeof end !== 'number') return end
  const colon = skipSpace(text, end)
  if (text[colon] !== ':')
    return { offset: colon, message: `expected : after a key, not ${found(text, colon)}` }
  return skipSpace(text, colon + 1)
}

/** Passes a scalar, or the bracket that opens an object or list. */
function takeValueStart(text: string, at: number): number | JsonFault {
  const char = text[at]
  if (char === '{' || char === '[') return at + 1
  if (char === '"') return takeString(text, at)
  const scalar = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)/y
  scalar.lastIndex = at
  if (scalar.test(text)) return scalar.lastIndex
  return { offset: Math.min(at, text.length), message: `expected a value, not ${found(text, at)}` }
}

function takeString(text: string, start: number): number | JsonFault {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === 0x22) return at + 1
    if (code < 0x20) return { offset: at, message: 'a string may not hold a line break or control character' }
    if (code === 0x5c) {
      const isEscape = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y
      isEscape.lastIndex = at + 1
      if (!isEscape.test(text)) return { offset: at, message: 'a string holds a bad escape after \\' }
      at = isEscape.lastIndex - 1
    }
  }
  return { offset: start, message: 'a string is not closed' }
}

/** Passes what JSON takes for white space. */
export function skipSpace(text: string, start: number): number {
  let at = start
  for (;;) {
    const code = text.charCodeAt(at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at
    at += 1
  }
}

function found(text: string, at: number): string {
  const code = text.codePointAt(at)
  return code === undefined ? 'the end of the file' : JSON.stringify(String.fromCodePoint(code))
}

/**
 * Tells of a callback whether the message that it is given can outlive the
 * call, or be seen as a whole: then a message has to be made for it alone. One
 * that only reads and writes headers and fields can be given the same message as the call before.
 *
 * It looks at the callback's text, and says no to whatever it does not know: to
 * more than one parameter (of one without parameters it says yes), to functions in the function, to any other use of the parameter than
 * `msg.head.path` and the like, `msg.head.headers.name`, `msg.head.headers['name']` or
 * `msg.head.headers[variable]`, and to calls of and deletions from these.
 */

/** An arrow function, which has no `arguments` either. */
const withoutParameters = /^\(\s*\)\s*=>/
const head = /^\(?\s*([A-Za-z_$][\w$]*)\s*\)?\s*=>/
/** Functions inside, other names for the parameter, and what could hide either. */
const risky =
  /=>|\b(?:function|class|eval|arguments|async|await|yield|delete|with|super|new\.target)\b|\)\s*\{|[\\`]|\/\*|\/\/|<!--|-->/
const fields = 'protocol|method|path|status|statusText|scheme|authority'
const use = new RegExp(
  `^\\??\\.head\\??\\.(?:(?:${fields})(?![\\w$])|headers` +
    `(?:\\??\\.[A-Za-z_$][\\w$]*|(?:\\?\\.)?\\[\\s*(?:'[^'\\n]*'|"[^"\\n]*"|[\\w$]+)\\s*\\]))`,
)
/** What must not follow: a call, with the headers for `this`. */
const call = /^[\s)]*(?:\?\.)?\s*\(/

const sourceOf = Function.prototype.toString

/** Whether nothing but values can leave a callback's message. */
export function isContained(callback: (...values: unknown[]) => unknown): boolean {
  const text: string = Reflect.apply(sourceOf, callback, [])
  if (withoutParameters.test(text)) return true
  const start = head.exec(text)
  if (start === null) return false
  const body = text.slice(start[0].length)
  if (risky.test(body)) return false
  const name = start[1] as string
  for (let at = indexOfName(body, name, 0); at >= 0; at = indexOfName(body, name, at + 1)) {
    const rest = body.slice(at + name.length)
    const found = use.exec(rest)
    if (found === null || call.test(rest.slice(found[0].length))) return false
  }
  return true
}

/** Where a name stands by itself; also in texts and comments, where it does no harm to take it for a use. */
function indexOfName(text: string, name: string, from: number): number {
  for (let at = text.indexOf(name, from); at >= 0; at = text.indexOf(name, at + 1)) {
    const before = at === 0 ? '' : (text[at - 1] as string)
    const after = text[at + name.length] ?? ''
    if (!/[\w$]/.test(before) && !/[\w$]/.test(after)) return at
  }
  return -1
}

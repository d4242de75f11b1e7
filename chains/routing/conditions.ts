import type { HeaderList } from '../headers.ts'
import type { HttpRequest } from '../http.ts'
import type { PathMatch, RouteRule } from '../model.ts'

/** Tests the target of a request: `path` as it came, `bare` without its query. */
type PathTest = (path: string, bare: string) => boolean

interface HeaderTest {
  readonly name: string
  readonly regex: RegExp
}

/** What a rule asks of a request, made ready for use. The caller is judged elsewhere. */
export class Conditions {
  readonly #testPath: PathTest
  readonly #methods: ReadonlySet<string> | null
  readonly #headers: readonly HeaderTest[]

  /** Throws a `SyntaxError` if one of the rule's regular expressions is none. */
  constructor(rule: RouteRule) {
    this.#testPath = pathTest(rule.path)
    this.#methods = rule.methods && new Set(rule.methods)
    this.#headers = rule.headers.map(({ name, regex }) => ({ name, regex: new RegExp(regex) }))
  }

  /** Whether the rule is for this method at all. */
  takesMethod(method: string): boolean {
    return this.#methods?.has(method) ?? true
  }

  /** Whether all but the method is as the rule wants it. `bare` is the path without its query. */
  accepts(request: HttpRequest, bare: string): boolean {
    if (!this.#testPath(request.path, bare)) return false
    for (const { name, regex } of this.#headers) {
      if (!regex.test(listed(request.headers, name))) return false
    }
    return true
  }
}

/** The path without its query. */
export function withoutQuery(path: string): string {
  const query = path.indexOf('?')
  return query < 0 ? path : path.slice(0, query)
}

/** The values of a field that is repeated are tested as the one list that they are (RFC 9110 section 5.3). */
function listed(headers: HeaderList, name: string): string {
  const values = headers.getAll(name)
  return values.length === 1 ? (values[0] as string) : values.join(', ')
}

function pathTest({ type, value, includesQuery, isSegmentPrefix }: PathMatch): PathTest {
  const isMatch = textTest(type, value, isSegmentPrefix)
  return includesQuery ? isMatch : (_path, bare) => isMatch(bare)
}

function textTest(
  type: PathMatch['type'],
  value: string,
  isSegmentPrefix: boolean,
): (text: string) => boolean {
  switch (type) {
    case 'exact':
      return (text) => text === value
    case 'prefix':
      return isSegmentPrefix && !value.endsWith('/')
        ? segmentPrefixTest(value)
        : (text) => text.startsWith(value)
    case 'regex': {
      // FSM's rule for "everything", on every request
      if (value === '.*') return () => true
      const regex = new RegExp(value)
      return (text) => regex.test(text)
    }
  }
}

function segmentPrefixTest(prefix: string): (text: string) => boolean {
  return (text) => {
    if (!text.startsWith(prefix)) return false
    const next = text[prefix.length]
    return next === undefined || next === '/' || next === '?'
  }
}

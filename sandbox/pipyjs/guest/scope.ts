/** What names in the script mean, from the inside out: variables of contexts, globals, and nothing. */
const variables: object = Object.create(null)
const globals: Record<string, unknown> = Object.create(null)
/** Undeclared names that the script asks the type of, which must not throw. */
const probed = new Set<string>()

/** Names by which a script shows that it is meant for Node's older kind of modules. */
const commonJs = new Set(['module', 'exports', 'require'])
const noModule =
  ': a file without `export default` is taken for PipyJS, and a plugin in JavaScript is an ES module'

const { hasOwn } = Object
const builtIn = new Set<PropertyKey>(Reflect.ownKeys(globalThis))

/** Answers for all names that come to it, but for those that the script itself declares: they are on the global object. */
const undeclared = new Proxy(Object.create(null), {
  has(_, name) {
    return typeof name === 'string' && (builtIn.has(name) || !hasOwn(globalThis, name))
  },
  get(_, name) {
    if (typeof name === 'symbol' || probed.has(name)) return undefined
    throw new ReferenceError(`unresolved identifier ${name}${commonJs.has(name) ? noModule : ''}`)
  },
  set(_, name) {
    throw new ReferenceError(
      `unresolved identifier ${String(name)}: only declared variables can be assigned to`,
    )
  },
})

/** Gives a name a meaning that depends on the context. */
export function declare(name: string, get: () => unknown, set: (value: unknown) => void): void {
  Object.defineProperty(variables, name, { get, set, enumerable: true, configurable: false })
}

/** Whether a name is a variable already. */
export function isDeclared(name: string): boolean {
  return hasOwn(variables, name)
}

/** Makes a global; a getter may say why there is none. */
export function defineGlobal(name: string, descriptor: PropertyDescriptor): void {
  Object.defineProperty(globals, name, { enumerable: true, configurable: false, ...descriptor })
}

/** What the wrapper around the script calls them by: it has each in turn, and then it is gone. */
export const scopeName = '__scope__'

/** Opens the way into the scopes for the wrapper; `names` are those that the script asks the type of. */
export function openScopes(names: readonly string[]): void {
  for (const name of names) probed.add(name)
  Object.freeze(globals)
  const order = [undeclared, globals, variables]
  Object.defineProperty(globalThis, scopeName, {
    configurable: true,
    get() {
      const next = order.shift()
      if (order.length === 0) Reflect.deleteProperty(globalThis, scopeName)
      return next
    },
  })
}

/** The script has been evaluated: no variable can be added any more. */
export function closeScopes(): void {
  Object.preventExtensions(variables)
}

import { posix } from 'node:path'

/** What no module of a guest is called. */
const nowhere = '\u0001'

/** Which ES modules a guest can import: ours while it boots, and none after that. */
export class GuestModules {
  #isOpen = true
  readonly #modules: Readonly<Record<string, string>>

  constructor(modules: Readonly<Record<string, string>>) {
    this.#modules = modules
  }

  /** From now on nothing can be imported, also nothing that was. */
  close(): void {
    this.#isOpen = false
  }

  /** The name of the module that `name` means in `base`. QuickJS looks it up among those it has, so later there must be none. */
  resolve(base: string, name: string): string {
    if (!this.#isOpen) return nowhere + name
    return /^\.\.?\//.test(name) ? posix.join(posix.dirname(base), name) : name
  }

  /** The source of a module, or why there is none. */
  source(name: string): { readonly text: string } | { readonly reason: string } {
    const text = this.#isOpen && Object.hasOwn(this.#modules, name) ? this.#modules[name] : undefined
    if (text !== undefined) return { text }
    return {
      reason: `there is no module ${JSON.stringify(name.replace(nowhere, '').slice(0, 200))} to import`,
    }
  }
}

/** What became of the `${…}` in one text. */
export type Substitution =
  | { readonly ok: true; readonly text: string; readonly isChanged: boolean }
  | { readonly ok: false; readonly message: string }

/**
 * Puts environment variables into a text: `${NAME}`, or `${NAME:-default}` for
 * one that is not set or empty. `$${` stands for `${` itself. What is put in is
 * not looked at again.
 */
export function substitute(text: string, env: Readonly<Record<string, string | undefined>>): Substitution {
  if (!text.includes('${')) return { ok: true, text, isChanged: false }
  let problem: string | null = null
  const result = text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (whole, inside: string | undefined, end) => {
    if (inside === undefined) return '${'
    const parts = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside)
    const name = parts?.[1]
    if (end !== '}' || name === undefined) {
      problem ??= `${JSON.stringify(whole.slice(0, 60))} names no variable: write \${NAME}, or $\${ for the characters themselves`
      return ''
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    const fallback = parts?.[2]
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value
    if (value === undefined) {
      problem ??= `the environment variable ${name} is not set: set it, or write \${${name}:-default}`
    }
    return value ?? ''
  })
  return problem === null ? { ok: true, text: result, isChanged: true } : { ok: false, message: problem }
}

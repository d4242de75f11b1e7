/** The file name that frames of {@link prelude} have. */
export const preludeFile = '<engine>'

/**
 * Runs in a guest before anything else, and gives the two functions that the engine
 * itself calls there. Whatever they use they have taken beforehand, and they
 * read data properties only, so that a script can neither change what they do nor be run by them
 * (but by a proxy's traps, which are on the script's time).
 */
export const prelude = `(() => {
  'use strict'
  const { apply, getOwnPropertyDescriptor, getPrototypeOf } = Reflect
  const { keys } = Object
  const { slice } = String.prototype
  const text = String
  const cut = (string, length) => apply(slice, string, [0, length])

  const start = ({ boot }, host, words) => {
    const made = boot(host, words)
    const names = keys(made)
    const list = [names.length]
    for (const name of names) {
      if (typeof made[name] !== 'function') throw new TypeError('boot returned ' + name + ', which is no function')
      list.push(name, made[name])
    }
    return list
  }

  const property = (object, key) => {
    let at = object
    for (let depth = 0; at !== null && depth < 8; depth += 1) {
      const found = getOwnPropertyDescriptor(at, key)
      if (found) return typeof found.value === 'string' ? cut(found.value, 4000) : ''
      at = getPrototypeOf(at)
    }
    return ''
  }

  const describe = (thrown) => {
    if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null) {
      const head = cut(text(thrown), 1000)
      return head.length + ':' + head
    }
    const name = property(thrown, 'name')
    const message = property(thrown, 'message')
    const head = cut(name && message ? name + ': ' + message : name || message || 'something that is no error', 1000)
    return head.length + ':' + head + property(thrown, 'stack')
  }

  return [start, describe]
})()`

import { type EngineOptions, HostRefusal } from '../contract.ts'

const modules = {
  'boot.js': `
    import { twice } from './library.js'
    export function boot(host, shared) {
      const words = new Int32Array(shared)
      const run = (source) => (0, eval)(source)
      Object.assign(globalThis, { add: host.add, length: host.length, refuse: host.refuse })
      return {
        run,
        twice,
        echo: (value) => value,
        sum: (a, b, c) => a + b + c,
        keep: (value) => { globalThis.kept = value },
        ask: (...args) => host.ask(...args),
        askOne: (value) => host.ask(value),
        nothing() {},
        made: (number) => [
          (...values) => { words[1] = words[0] + values.length; return values[0]?.text === 'one' },
          () => {},
          () => ({ number: 20 }),
          () => Promise.resolve().then(() => { words[2] = 7 }),
          () => { throw new Error('thrown') },
          () => { for (;;); },
          { text: 'one' },
          function () { return this === undefined },
        ][number],
        otherwise: (value, purpose) => value.number === undefined ? value : value.number + purpose,
        refusing() { throw new Error('refused') },
        spinLater: async () => { for (;;); },
      }
    }`,
  'library.js': 'export const twice = (text) => text + text',
}

/** A guest that runs whatever it is given, with 50 ms for a call and 32 MiB; `ask` is the host function `ask`. */
export function testOptions(
  limits: Partial<EngineOptions['limits']> = {},
  functions: EngineOptions['functions'] = {},
): EngineOptions {
  return {
    limits: { callMs: 50, loadMs: 500, heapBytes: 32 * 2 ** 20, ...limits },
    functions: {
      add: (call) => call.number(0) + call.number(1),
      length: (call) => call.string(0).length,
      refuse: () => {
        throw new HostRefusal('refused')
      },
      ...functions,
    },
    guest: { modules, entry: 'boot.js' },
  }
}

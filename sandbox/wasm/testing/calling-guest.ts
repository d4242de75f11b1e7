import { guest } from './guests.ts'
import { TestStream } from './test-stream.ts'
import { openWorld, type World, type WorldOptions } from './world.ts'

/** A call of a host function; arguments of 64 bits are `bigint`s. */
export interface HostCall {
  readonly module?: string
  readonly name: string
  readonly args: readonly (number | bigint)[]
}

/** A guest that makes calls for a stream, one by one; what each answered is its result. */
export interface CallingGuest extends World {
  readonly stream: TestStream
  /** Makes the call of that place in the list. */
  run(index: number): number
}

/** Loads a guest that can make these calls. `body` is what it has beside them: data, mostly. */
export function openCalling(
  calls: readonly HostCall[],
  body = '',
  options: WorldOptions = {},
  version: '0_1_0' | '0_2_0' | '0_2_1' = '0_2_1',
): CallingGuest {
  const imports = calls.map(
    ({ module = 'env', name, args }, index) =>
      `(import "${module}" "${name}" (func $f${index} ${args.map((arg) => `(param ${typeOf(arg)})`).join('')} (result i32)))`,
  )
  const cases = calls.map(({ args }, index) => {
    const given = args.map((arg) => `(${typeOf(arg)}.const ${arg})`).join(' ')
    return `(if (i32.eq (local.get 1) (i32.const ${index})) (then (return (call $f${index} ${given}))))`
  })
  const handler = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    ${cases.join('\n')} (unreachable))`
  const world = openWorld(guest({ imports: imports.join('\n'), body: handler + body, version }), options)
  const stream = new TestStream(world.vm.nextId(), world.root)
  world.vm.register(world.root)
  world.vm.register(stream)
  return {
    ...world,
    stream,
    run: (index) => world.vm.call('proxy_on_request_headers', stream, index) ?? -1,
    [Symbol.dispose]: () => world[Symbol.dispose](),
  }
}

function typeOf(value: number | bigint): 'i32' | 'i64' {
  return typeof value === 'bigint' ? 'i64' : 'i32'
}

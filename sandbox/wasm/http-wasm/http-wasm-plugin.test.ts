import { test } from 'tap'
import { wat } from '../../metering/testing/wat.ts'
import { compileWasm } from '../module/compile.ts'
import { tryModule } from './testing.ts'

const source = `(module
  (import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))
  (import "env" "emscripten_notify_memory_growth" (func $grown (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "x-sethi")
  (func (export "_start") (call $grown (i32.const 0)))
  (func (export "handle_request") (result i64)
    (call $set (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 5) (i32.const 2))
    (i64.const 1))
  (func (export "handle_response") (param i32 i32)))`

test('a module that was checked and compiled as for a worker runs, for HTTP alone', async (t) => {
  const { abi, module } = compileWasm(wat(source), { name: 'tried', memoryMiB: 1 })
  t.equal(abi, 'http-wasm')
  using tried = tryModule(module)
  const { status, sent } = await tried.ask()
  t.strictSame([status, sent[0]?.fields], [200, ['Host', 'shop.example', 'x-set', 'hi']])
  t.equal(tried.plugin.tcp('inbound-tcp'), null)
})

import { Section } from '../sections.ts'
import { binary, body, list, name } from './binary.ts'
import { wat } from './wat.ts'

/** Calls of exports, one after the other on one instance. */
export interface FeatureModule {
  readonly what: string
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly calls: readonly (readonly [name: string, ...values: readonly (number | bigint)[]])[]
}

const texts: readonly (readonly [what: string, text: string, ...calls: FeatureModule['calls']])[] = [
  [
    'MVP: control, locals, globals, memory, a table, traps',
    `(module (type $unary (func (param i32) (result i32)))
      (import "host" "log" (func $log (param i32))) (global $g (mut i64) (i64.const 7))
      (memory (export "memory") 1) (data (i32.const 8) "hello") (table 4 funcref) (elem (i32.const 1) $double $log1)
      (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
      (func $log1 (param i32) (result i32) (call $log (local.get 0)) (i32.const 1))
      (func (export "fib") (param $n i32) (result i32)
        (if (result i32) (i32.lt_s (local.get $n) (i32.const 2)) (then (local.get $n))
          (else (i32.add (call 3 (i32.sub (local.get $n) (i32.const 1))) (call 3 (i32.sub (local.get $n) (i32.const 2)))))))
      (func (export "by table") (param i32 i32) (result i32) (call_indirect (type $unary) (local.get 0) (local.get 1)))
      (func (export "sum") (param $n i32) (result i64) (local $i i32)
        (block $out (loop $l (br_if $out (i32.ge_u (local.get $i) (local.get $n)))
          (global.set $g (i64.add (global.get $g) (i64.load8_u (local.get $i))))
          (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $l)))
        (global.get $g))
      (func (export "pick") (param i32) (result i32)
        (block $a (block $b (block $c (br_table $c $b $a (local.get 0))) (return (i32.const 10))) (return (i32.const 20)))
        (i32.const 30))
      (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
      (func (export "floats") (param f64 f32) (result f64)
        (f64.add (f64.sqrt (local.get 0)) (f64.promote_f32 (f32.mul (local.get 1) (f32.const 1.5)))))
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "stop") (unreachable)))`,
    ['fib', 15],
    ['by table', 21, 1],
    ['by table', 21, 2],
    ['by table', 21, 3],
    ['by table', 21, 9],
    ['sum', 20],
    ['sum', 100_000],
    ['pick', 0],
    ['pick', 1],
    ['pick', 7],
    ['divide', 7, 2],
    ['divide', 7, 0],
    ['floats', 2, 3],
    ['grow', 1],
    ['grow', 70_000],
    ['stop'],
  ],
  [
    'sign extension and saturating conversions',
    `(module
      (func (export "extend") (param i32) (result i64) (i64.extend8_s (i64.extend_i32_u (i32.extend16_s (local.get 0)))))
      (func (export "saturate") (param f64) (result i32) (i32.trunc_sat_f64_s (local.get 0)))
      (func (export "trap") (param f64) (result i32) (i32.trunc_f64_s (local.get 0))))`,
    ['extend', 0x1_80ff],
    ['saturate', 1e300],
    ['saturate', Number.NaN],
    ['trap', 1e300],
  ],
  [
    'bulk memory',
    `(module (memory (export "memory") 1) (data $d "0123456789") (elem $e func $f $f) (table $t 8 funcref)
      (func $f) (func (export "run") (param i32 i32 i32)
        (memory.init $d (i32.const 100) (i32.const 2) (i32.const 5)) (data.drop $d)
        (memory.copy (local.get 0) (i32.const 100) (local.get 2))
        (memory.fill (local.get 1) (i32.const 65) (local.get 2)))
      (func (export "again") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))
      (func (export "tables") (param i32) (table.init $t $e (local.get 0) (i32.const 0) (i32.const 2))
        (table.copy $t $t (i32.const 4) (local.get 0) (i32.const 2)) (elem.drop $e)))`,
    ['run', 200, 300, 50],
    ['again'],
    ['run', 65_530, 300, 50],
    ['tables', 1],
    ['tables', 7],
  ],
  [
    'reference types',
    `(module (table $t 2 funcref) (table $x 2 externref) (func $f (result i32) (i32.const 42)) (elem declare func $f)
      (func (export "run") (param i32) (result i32 i32 i32)
        (table.set $t (i32.const 1) (ref.func $f)) (table.grow $t (ref.func $f) (local.get 0))
        (table.fill $t (i32.const 0) (ref.null func) (i32.const 1)) (table.size $t)
        (ref.is_null (table.get $t (i32.const 0))))
      (func (export "externs") (param i32) (result i32)
        (drop (table.grow $x (ref.null extern) (local.get 0)))
        (table.fill $x (i32.const 1) (table.get $x (i32.const 0)) (i32.const 2))
        (drop (select (result externref) (ref.null extern) (ref.null extern) (i32.const 1))) (table.size $x))
      (func (export "call") (param i32) (result i32) (call_indirect $t (result i32) (local.get 0))))`,
    ['run', 3],
    ['run', 1_000],
    ['externs', 5],
    ['call', 1],
    ['call', 0],
    ['call', 4],
  ],
  [
    'several values',
    `(module (func $swap (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
      (func (export "run") (param i32 i64) (result i64 i32) (local.get 0) (local.get 1) (call $swap)
        (block (param i64 i32) (result i64 i32) (if (param i64 i32) (result i64 i32) (i32.const 1) (then) (else (unreachable)))))
      (func (export "loop") (param i32) (result i32) (local.get 0) (i32.const 0)
        (loop $l (param i32 i32) (result i32) (i32.add) (local.tee 0) (i32.const 1)
          (br_if $l (i32.gt_u (i32.const 500) (local.get 0))) (drop))))`,
    ['run', 1, 2n],
    ['loop', 3],
  ],
  [
    'SIMD and relaxed SIMD',
    `(module (memory (export "memory") 1) (global $v v128 (v128.const i32x4 1 2 3 4))
      (func (export "run") (param i32) (result i32) (local $v v128)
        (local.set $v (i32x4.add (global.get $v) (i32x4.splat (local.get 0))))
        (v128.store offset=16 (i32.const 0) (i8x16.shuffle 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0 (local.get $v) (local.get $v)))
        (v128.store16_lane 3 (i32.const 64) (local.get $v))
        (local.set $v (v128.load32_lane 1 (i32.const 16) (v128.load64_zero (i32.const 16))))
        (i32x4.extract_lane 1 (v128.bitselect (local.get $v) (v128.load8_splat (i32.const 17)) (f32x4.eq (local.get $v) (local.get $v)))))
      (func (export "relaxed") (param i32) (result i32)
        (i32x4.extract_lane 0 (i8x16.relaxed_swizzle (i32x4.splat (local.get 0)) (v128.const i8x16 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3)))))`,
    ['run', 5],
    ['relaxed', 77],
  ],
  [
    'tail calls',
    `(module (type $t (func (param i32 i32) (result i32))) (table funcref (elem $sum))
      (func $sum (export "run") (param i32 i32) (result i32) (if (result i32) (i32.eqz (local.get 0)) (then (local.get 1))
        (else (return_call $sum (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 0) (local.get 1))))))
      (func (export "table") (param i32 i32) (result i32) (return_call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0))))`,
    ['run', 100_000, 0],
    ['table', 100, 5],
  ],
  [
    'legacy exceptions',
    `(module (tag $e (param i32)) (tag $f) (func $throw (param i32) (if (local.get 0) (then (throw $e (local.get 0)))) (throw $f))
      (func (export "run") (param i32) (result i32)
        (try (result i32) (do (call $throw (local.get 0)) (i32.const 0)) (catch $e) (catch_all (i32.const -1))))
      (func (export "again") (param i32) (result i32)
        (try (result i32) (do (try $t (result i32) (do (call $throw (local.get 0)) (i32.const 0)) (catch $e (rethrow $t)))) (catch $e (i32.const 1) (i32.add)) (catch_all (i32.const 5))))
      (func (export "delegated") (param i32) (result i32)
        (try $o (result i32) (do (try (result i32) (do (call $throw (local.get 0)) (i32.const 0)) (delegate $o))) (catch_all (i32.const 9))))
      (func (export "uncaught") (throw $f)))`,
    ['run', 0],
    ['run', 5],
    ['again', 0],
    ['again', 7],
    ['delegated', 7],
    ['uncaught'],
  ],
  [
    'exceptions with try_table',
    `(module (tag $e (param i32)) (tag $f)
      (func $throw (param i32) (if (local.get 0) (then (throw $e (local.get 0)))) (throw $f))
      (func (export "run") (param i32) (result i32) (block $all (block $h (result i32)
        (try_table (catch $e $h) (catch_all $all) (call $throw (local.get 0))) (i32.const 3)) (return)) (i32.const -1))
      (func (export "reference") (param i32) (result i32) (block $outer (result i32)
        (try_table (catch $e $outer) (block $h (result exnref) (try_table (catch_all_ref $h) (call $throw (local.get 0))) (unreachable)) (throw_ref)) (unreachable))))`,
    ['run', 0],
    ['run', 6],
    ['reference', 8],
    ['reference', 0],
  ],
  [
    'unshared atomics',
    `(module (memory (export "memory") 1) (func (export "run") (param i32) (result i32)
        (i32.atomic.store (i32.const 8) (local.get 0)) (atomic.fence)
        (drop (i64.atomic.rmw.add (i32.const 8) (i64.const 5))) (drop (memory.atomic.notify (i32.const 8) (i32.const 1)))
        (i32.atomic.rmw.cmpxchg (i32.const 8) (i32.const 12) (i32.const 99)))
      (func (export "wait") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0))))`,
    ['run', 7],
    ['wait'],
  ],
  [
    'several memories',
    `(module (memory $a (export "memory") 1) (memory $b 1 4) 
      (func (export "run") (param i32) (result i32) (i64.store $b (i32.const 0) (i64.const 0x6220_6d6f_7266))
        (memory.copy $a $b (local.get 0) (i32.const 0) (i32.const 6)) (memory.fill $b (i32.const 3) (i32.const 1) (i32.const 2))
        (drop (memory.grow $b (i32.const 1))) (i32.store $b offset=65536 (i32.const 4) (i32.const 3))
        (i32.add (i32.load $b (i32.const 1)) (memory.size $b))))`,
    ['run', 10],
    ['run', 65_532],
  ],
  [
    'constants that are computed, and that name functions',
    `(module (import "host" "base" (global $base i32)) (global $g i32 (i32.add (global.get $base) (i32.mul (i32.const 2) (i32.const 8))))
      (global $f funcref (ref.func $seven)) (memory (export "memory") 1) (data (offset (i32.add (global.get $base) (i32.const 1))) "x")
      (table $t 8 funcref) (elem (table $t) (offset (i32.sub (i32.const 5) (i32.const 2))) funcref (ref.func $seven) (ref.null func))
      (elem $p funcref (ref.func $seven)) (elem declare func $seven) (func $seven (result i32) (i32.const 7))
      (func (export "run") (result i32 i32) (table.set $t (i32.const 0) (global.get $f))
        (table.init $t $p (i32.const 1) (i32.const 0) (i32.const 1)) (call_indirect $t (result i32) (i32.const 1)) (global.get $g)))`,
    ['run'],
  ],
  ['nothing at all', '(module)'],
  [
    'imports only',
    '(module (import "host" "log" (func $log (param i32))) (export "run" (func $log)))',
    ['run', 5],
  ],
]

/** What the text format of the tests cannot say. */
const handWritten: readonly FeatureModule[] = [
  {
    what: 'typed function references, and a table with an initial value',
    bytes: binary(
      [Section.type, list([0x60, 0x00, 0x01, 0x7f], [0x60, 0x01, 0x63, 0x00, 0x01, 0x7f])],
      [Section.function, list([0x00], [0x01], [0x00], [0x00])],
      [Section.table, list([0x40, 0x00, 0x63, 0x00, 0x00, 0x02, 0xd2, 0x00, 0x0b])],
      [Section.export, list([...name('run'), 0x00, 0x02], [...name('null'), 0x00, 0x03])],
      [
        Section.code,
        list(
          body(0x41, 0x07),
          // Gives 99 for null, and otherwise what the function gives.
          body(0x02, 0x40, 0x20, 0x00, 0xd5, 0x00, 0x14, 0x00, 0x0f, 0x0b, 0x41, 0xe3, 0x00),
          body(
            ...[0x41, 0x01, 0xd2, 0x00, 0x41, 0x01, 0xfc, 0x11, 0x00], // table.fill
            ...[0x41, 0x01, 0x25, 0x00, 0xd4, 0x14, 0x00, 0x1a], // table.get, ref.as_non_null, call_ref
            ...[0xd2, 0x00, 0x41, 0x03, 0xfc, 0x0f, 0x00, 0x1a], // table.grow
            ...[0x41, 0x04, 0x25, 0x00, 0x12, 0x01], // return_call
          ),
          body(0xd0, 0x00, 0x10, 0x01),
        ),
      ],
    ),
    calls: [['run'], ['null'], ['run']],
  },
]

/** Modules for every class of features that are metered, with calls that show them at work. */
export const featureModules: readonly FeatureModule[] = [
  ...texts.map(([what, text, ...calls]) => ({ what, bytes: wat(text), calls })),
  ...handWritten,
]

/** What the feature modules import. `log` takes what they say. */
export function featureImports(log: (value: number) => void): WebAssembly.Imports {
  return { host: { log, base: 16 } }
}

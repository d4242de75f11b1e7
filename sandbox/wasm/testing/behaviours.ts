/** The plugins of the contract suite as guests of Proxy-Wasm. */

import type { BehaviourName } from '../../plugin/testing/behaviours.ts'
import { data, type GuestParts } from './guests.ts'

const fn = (name: string, alias: string, parameters: number): string =>
  `(import "env" "${name}" (func $${alias} (param ${'i32 '.repeat(parameters)}) (result i32)))`

const imports = [
  fn('proxy_replace_header_map_value', 'replace', 5),
  fn('proxy_remove_header_map_value', 'remove', 3),
  fn('proxy_get_header_map_value', 'get', 5),
  fn('proxy_send_local_response', 'answer', 8),
  fn('proxy_get_buffer_bytes', 'read', 5),
  fn('proxy_set_buffer_bytes', 'write', 5),
].join('\n')

const texts = [
  data(16, 'x-plugin'),
  data(32, 'seen'),
  data(48, 'x-secret'),
  data(64, ':path'),
  data(80, 'x-length'),
  data(144, '/answer'),
  data(160, '/bad'),
  data(208, 'short and stout'),
  // one pair: x-plugin: own
  data(240, '\u0001\0\0\0\u0008\0\0\0\u0003\0\0\0x-plugin\0own\0'),
].join('\n')

/** Whether the path is the text at an address. */
const isPath = `
  (func $isPath (param $at i32) (param $size i32) (result i32)
    (local $byte i32)
    (drop (call $get (i32.const 0) (i32.const 64) (i32.const 5) (i32.const 128) (i32.const 132)))
    (if (i32.ne (i32.load (i32.const 132)) (local.get $size)) (then (return (i32.const 0))))
    (loop $next
      (if (i32.ne
            (i32.load8_u (i32.add (local.get $at) (local.get $byte)))
            (i32.load8_u (i32.add (i32.load (i32.const 128)) (local.get $byte))))
        (then (return (i32.const 0))))
      (local.set $byte (i32.add (local.get $byte) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $byte) (local.get $size))))
    (i32.const 1))`

/** Puts the upper case of a buffer in its place. */
const raise = `
  (func $raise (param $buffer i32)
    (local $at i32) (local $end i32) (local $byte i32)
    (drop (call $read (local.get $buffer) (i32.const 0) (i32.const -1) (i32.const 128) (i32.const 132)))
    (local.set $at (i32.load (i32.const 128)))
    (local.set $end (i32.add (local.get $at) (i32.load (i32.const 132))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.and (i32.ge_u (local.get $byte) (i32.const 97)) (i32.le_u (local.get $byte) (i32.const 122)))
        (then (i32.store8 (local.get $at) (i32.sub (local.get $byte) (i32.const 32)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))
    (drop (call $write (local.get $buffer) (i32.const 0) (i32.const -1)
      (i32.load (i32.const 128)) (i32.load (i32.const 132)))))`

/** A number in decimal digits, which end at 120; gives how many. */
const digits = `
  (func $digits (param $number i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 120))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (br_if $next (local.get $number)))
    (i32.sub (i32.const 120) (local.get $at)))`

const parameters = '(param $id i32) (param $size i32) (param $end i32) (result i32)'
const callback = (name: string, body: string): string =>
  `(func (export "proxy_on_${name}") ${parameters} ${body})`
const mark = (map: number): string =>
  `(drop (call $replace (i32.const ${map}) (i32.const 16) (i32.const 8) (i32.const 32) (i32.const 4)))`
const pass = '(i32.const 0)'
const onBad = (body: string): string =>
  callback('request_headers', `(if (call $isPath (i32.const 160) (i32.const 4)) (then ${body})) ${pass}`)
/** Pauses until the end. */
const atEnd = (body: string): string =>
  `(if (i32.eqz (local.get $end)) (then (return (i32.const 1)))) ${body} ${pass}`
const answer = (status: number): string =>
  `(drop (call $answer (i32.const ${status}) (i32.const 0) (i32.const 0) (i32.const 208) (i32.const 15)
    (i32.const 240) (i32.const 25) (i32.const -1)))`
const own = answer(418)

const bodies: Record<BehaviourName, string | null> = {
  pass: callback('request_headers', pass) + callback('response_headers', pass),
  'request header': callback(
    'request_headers',
    `${mark(0)} (drop (call $remove (i32.const 0) (i32.const 48) (i32.const 8))) ${pass}`,
  ),
  'response header': callback('response_headers', `${mark(2)} ${pass}`),
  answer: callback(
    'request_headers',
    `(if (call $isPath (i32.const 144) (i32.const 7)) (then ${own})) ${pass}`,
  ),
  'read body':
    callback('request_headers', '(i32.eqz (local.get $end))') +
    callback(
      'request_body',
      atEnd(`(local.set $id (call $digits (local.get $size)))
      (drop (call $replace (i32.const 0) (i32.const 80) (i32.const 8)
        (i32.sub (i32.const 120) (local.get $id)) (local.get $id)))`),
    ),
  'replace body': callback('response_body', atEnd('(call $raise (i32.const 1))')),
  // a trap is the end of an instance: a guest cannot throw and live
  'throw on request': null,
  'throw on response': null,
  loop: onBad('(loop $ever (br $ever))'),
  allocate: onBad(`(loop $more
    (if (i32.lt_s (memory.grow (i32.const 16)) (i32.const 0)) (then unreachable))
    (br $more))`),
  'never answer': onBad('(return (i32.const 1))'),
  'answer twice': onBad(`${answer(201)} ${own}`),
  'tcp pass': callback('downstream_data', pass),
  'tcp rewrite': callback('downstream_data', `(call $raise (i32.const 2)) ${pass}`),
  'tcp throw': null,
}

/** What is between two answers of the allocator is not kept: it always gives the same room. */
const allocator = `(func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 8192))`

/** The guest of each behaviour; null for what no guest can do. */
export function behaviourGuest(name: BehaviourName): GuestParts | null {
  const body = bodies[name]
  return body === null ? null : { imports, body: [texts, isPath, raise, digits, body].join('\n'), allocator }
}

/** The parts that the guests of streams' own tests are made of. */
export const guestKit = { imports, texts, isPath, raise, digits, allocator, callback }

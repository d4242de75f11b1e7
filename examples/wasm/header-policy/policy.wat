;; Answers 403 to every request that lacks the header named in the plugin's config, {"header":"x-tenant"}.
;;
;; Written by hand against Proxy-Wasm 0.2.1: what a plugin is when no SDK stands between.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes"
    (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value"
    (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))

  ;; 0 and 4: where the host writes an address and a size. From 16: the header's name.
  ;; From 128: texts. From 4096: what the host hands over during one call.
  (memory (export "memory") 1)
  (global $name_size (mut i32) (i32.const 0))
  (global $free (mut i32) (i32.const 4096))

  (data (i32.const 128) "header_policy")
  (data (i32.const 160) "a header that this service demands is missing\n")
  (data (i32.const 256) "header-policy wants {\"header\":\"NAME\"} with a name of 1 to 64 characters")
  ;; a map of one field: how many, the size of its name and of its value, both closed by a zero
  (data (i32.const 384) "\01\00\00\00" "\0b\00\00\00" "\0d\00\00\00" "x-denied-by\00" "header-policy\00")

  (func (export "proxy_abi_version_0_2_1"))

  ;; Nothing that the host hands over is needed beyond the call, so that each call begins with all of the room.
  (func $begin (global.set $free (i32.const 4096)))

  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (local $at i32)
    (if (i32.gt_u (local.get $size) (i32.sub (i32.const 65536) (global.get $free)))
      (then (return (i32.const 0))))
    (local.set $at (global.get $free))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  ;; Where the next quote stands, or $end.
  (func $next_quote (param $at i32) (param $end i32) (result i32)
    (loop $search
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 34)) (then (return (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $search))
    (unreachable))

  (func $refuse (result i32)
    (drop (call $log (i32.const 4) (i32.const 256) (i32.const 71)))
    (i32.const 0))

  (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    (local $end i32) (local $from i32) (local $to i32)
    (call $begin)
    (if (i32.eqz (local.get $size)) (then (return (call $refuse))))
    (if (call $get_buffer (i32.const 7) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4))
      (then (return (call $refuse))))
    (local.set $end (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 4))))
    ;; the name stands between the third quote and the fourth
    (local.set $from (call $next_quote (i32.load (i32.const 0)) (local.get $end)))
    (local.set $from (call $next_quote (i32.add (local.get $from) (i32.const 1)) (local.get $end)))
    (local.set $from (call $next_quote (i32.add (local.get $from) (i32.const 1)) (local.get $end)))
    (local.set $from (i32.add (local.get $from) (i32.const 1)))
    (local.set $to (call $next_quote (local.get $from) (local.get $end)))
    (if (i32.or
          (i32.ge_u (local.get $to) (local.get $end))
          (i32.gt_u (i32.sub (i32.sub (local.get $to) (local.get $from)) (i32.const 1)) (i32.const 63)))
      (then (return (call $refuse))))
    (global.set $name_size (i32.sub (local.get $to) (local.get $from)))
    (memory.copy (i32.const 16) (local.get $from) (global.get $name_size))
    (i32.const 1))

  (func (export "proxy_on_request_headers") (param $id i32) (param $count i32) (param $is_end i32) (result i32)
    (call $begin)
    (if (i32.eqz (call $get_header
          (i32.const 0) (i32.const 16) (global.get $name_size) (i32.const 0) (i32.const 4)))
      (then (if (i32.load (i32.const 4)) (then (return (i32.const 0))))))
    (drop (call $answer
      (i32.const 403)
      (i32.const 128) (i32.const 13)
      (i32.const 160) (i32.const 46)
      (i32.const 384) (i32.const 38)
      (i32.const -1)))
    (i32.const 1)))
